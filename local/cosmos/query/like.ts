/**
 * LIKE patterns: `%` any text, `_` one character, `[a-f]` one of a set, `[^a-f]` none of it.
 *
 * L1 Matching takes at most (length of the text) x (length of the pattern) steps, for any pattern.
 * https://learn.microsoft.com/cosmos-db/query/keywords#like
 */

type Part =
  | { readonly kind: 'any' }
  | { readonly kind: 'one'; readonly test: (character: string) => boolean };

export type Like = readonly Part[];

export function readLike(pattern: string, escape: string | undefined): Like {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === escape && at + 1 < pattern.length) parts.push(literal(pattern[++at] as string));
    else if (character === '%') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' });
    } else if (character === '_') parts.push({ kind: 'one', test: () => true });
    else {
      const close = character === '[' ? pattern.indexOf(']', at + 2) : -1;
      if (close < 0) parts.push(literal(character));
      else {
        parts.push(setOf(pattern.slice(at + 1, close)));
        at = close;
      }
    }
  }
  return parts;
}

const literal = (wanted: string): Part => ({ kind: 'one', test: (character) => character === wanted });

function setOf(text: string): Part {
  const negated = text.startsWith('^') && text.length > 1;
  const members = negated ? text.slice(1) : text;
  const spans: (readonly [string, string])[] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at] as string;
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    spans.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  const isMember = (character: string) => spans.some(([from, to]) => character >= from && character <= to);
  return { kind: 'one', test: (character) => isMember(character) !== negated };
}

/** On a mismatch, only the latest `%` takes one more character: earlier ones need not. */
export function isLike(text: string, like: Like): boolean {
  let [at, part] = [0, 0];
  let [resumeAt, resumePart] = [0, -1];
  while (at < text.length) {
    const current = like[part];
    if (current?.kind === 'any') {
      [resumeAt, resumePart] = [at, ++part];
    } else if (current?.test(text[at] as string)) {
      at++;
      part++;
    } else if (resumePart >= 0) {
      at = ++resumeAt;
      part = resumePart;
    } else return false;
  }
  while (like[part]?.kind === 'any') part++;
  return part === like.length;
}
