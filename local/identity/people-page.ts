/** The page to choose a person: no script, one button each, grouped by account. */
import type { Issuer } from './issuer.ts';
import type { Client, Principal } from './principals.ts';

const STYLE = `
  :root { color-scheme: light dark; --ink: #14212b; --soft: #5a6b78; --line: #d5dee5; --paper: #f4f7f9; --card: #fff;
    --accent: #00658f; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8eef2; --soft: #9fb0bc; --line: #33434f; --paper: #10181e;
    --card: #18232b; --accent: #6cc4ec; } }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100dvh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
    color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
  main { width: min(30rem, 100%); }
  h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
  h2 { font-size: .875rem; margin: 1.5rem 0 .5rem; color: var(--soft); }
  p { margin: 0; color: var(--soft); }
  ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
  button { width: 100%; padding: .75rem 1rem; text-align: left; font: inherit; color: inherit; background: var(--card);
    border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }
  button:hover { border-color: var(--accent); }
  button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  strong, small { display: block; }
  small { color: var(--soft); }`;

/** @param parameters of the request; they become hidden fields */
export function peoplePage(
  { principals, signIn }: Pick<Issuer, 'principals' | 'signIn'>,
  client: Client,
  parameters: ReadonlyMap<string, string>,
): string {
  const people = signIn.people.flatMap((id) => principals.get(id) ?? []);
  const groups = Map.groupBy(
    people,
    ({ accountName, accountId }) => accountName ?? accountId ?? signIn.staff,
  );
  const hidden = [...parameters]
    .filter(([name]) => name !== 'who')
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`);
  const lists = [...groups].map(
    ([group, members]) => `<section aria-label="${escape(group)}"><h2>${escape(group)}</h2><ul>
      ${members.map((person) => `<li>${button(person)}</li>`).join('')}</ul></section>`,
  );
  return page(
    `Sign in – ${signIn.application}`,
    `<h1>Who are you?</h1>
    <p>This is a demonstration on your own machine: pick a person, no password is asked. ${escape(client.name ?? client.id)} then acts for that person.</p>
    <form method="post" action="authorize">${hidden.join('')}${lists.join('')}</form>`,
  );
}

export function messagePage(title: string, text: string): string {
  return page(title, `<h1>${escape(title)}</h1><p>${escape(text)}</p>`);
}

function button({ id, name, roles }: Principal): string {
  return `<button name="who" value="${escape(id)}"><strong>${escape(name)}</strong><small>${escape(roles.map(roleWords).join(', '))}</small></button>`;
}

/** `account-admin` → `Account admin` */
function roleWords(role: string): string {
  const words = role.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
    <body><main>${body}</main></body></html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
