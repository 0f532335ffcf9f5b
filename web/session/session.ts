/** Signing in by authorization code with PKCE. The token lives as long as the tab. */
import { computed, signal } from '@preact/signals';
import type { PageConfig } from './config.ts';
import { type Person, personOf } from './person.ts';
import { challengeOf, newVerifier } from './pkce.ts';

const TOKEN = 'token';
const PENDING = 'sign-in';

interface Pending {
  readonly state: string;
  readonly verifier: string;
  /** Where the person was. */
  readonly path: string;
}

const token = signal<string | undefined>(undefined);
export const signInFailure = signal<string | undefined>(undefined);

export const person = computed<Person | undefined>(() =>
  token.value === undefined ? undefined : personOf(token.value),
);

/** Undefined when nobody is signed in, or not any more. */
export function currentToken(): string | undefined {
  if (person.peek() && (person.peek()?.expiresAt ?? 0) <= Date.now()) forget();
  return token.peek();
}

export async function signIn({ issuer, clientId }: PageConfig): Promise<void> {
  const pending: Pending = { state: newVerifier(), verifier: newVerifier(), path: location.pathname };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope: 'openid profile',
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: 'S256',
  });
  location.assign(`${issuer}/authorize?${query}`);
}

export function signOut({ issuer }: PageConfig): void {
  forget();
  location.assign(`${issuer}/logout?${new URLSearchParams({ post_logout_redirect_uri: redirectUri() })}`);
}

/** The token is not taken any more: the person has to sign in again. */
export function forget(): void {
  sessionStorage.removeItem(TOKEN);
  token.value = undefined;
}

/** Takes up the session of this tab, or the answer of the issuer in the page's address. Answers the path to show. */
export async function resumeSession(config: PageConfig): Promise<string> {
  token.value = sessionStorage.getItem(TOKEN) ?? undefined;
  currentToken();
  const answer = new URLSearchParams(location.search);
  const saved = sessionStorage.getItem(PENDING);
  if (!answer.has('state') || saved === null) return location.pathname;
  sessionStorage.removeItem(PENDING);
  const pending = JSON.parse(saved) as Pending;
  const code = answer.get('code');
  if (answer.get('state') !== pending.state || (answer.get('iss') ?? config.issuer) !== config.issuer) {
    signInFailure.value = 'The answer does not belong to this sign-in. Please sign in again.';
  } else if (code === null) {
    signInFailure.value = answer.get('error_description') ?? 'Nobody was signed in.';
  } else {
    await redeem(config, code, pending.verifier).catch((error: Error) => {
      signInFailure.value = error.message;
    });
  }
  return pending.path;
}

async function redeem({ issuer, clientId }: PageConfig, code: string, verifier: string): Promise<void> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: redirectUri(),
      code,
      code_verifier: verifier,
    }),
  });
  const answer = (await response.json()) as { access_token?: string; error_description?: string };
  if (!answer.access_token) throw new Error(answer.error_description ?? 'The sign-in did not succeed.');
  sessionStorage.setItem(TOKEN, answer.access_token);
  token.value = answer.access_token;
}

function redirectUri(): string {
  return `${location.origin}/`;
}
