/**
 * The session of this tab: signing in, tokens that are renewed before they end, signing out.
 *
 * S1 Tokens are kept in the tab's own storage, so they end with it; another tab signs in silently, by the issuer's session.
 * S2 A silent sign-in never shows a page of the issuer, and is not tried again after it failed.
 * S3 At one time at most one refresh is under way: a refresh token is used once.
 * S4 A refresh that gets no answer keeps the session; after one that is refused, the tab signs in again silently.
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { PageConfig } from './config.ts';
import { failureSentence, isRefusal, needsThePerson } from './failure.ts';
import { type Attempt, createSignInIssuer, newAttempt, type SignInIssuer, type Tokens } from './issuer.ts';
import { type Person, personOf } from './person.ts';

export interface Session {
  readonly person: ReadonlySignal<Person | undefined>;
  /** Why the last sign-in failed, in a sentence. */
  readonly failure: ReadonlySignal<string | undefined>;
  /**
   * Takes up the session of this tab, or the issuer's answer in the page's address; `silent` tries to sign in without a
   * question. Returns the path to show, undefined when the browser is on its way to the issuer.
   */
  readonly resume: (options?: { readonly silent: boolean }) => Promise<string | undefined>;
  readonly signIn: () => Promise<void>;
  readonly signOut: () => Promise<void>;
  /** An access token that is valid now; undefined where no one is signed in. @throws TypeError when it cannot be renewed now */
  readonly token: () => Promise<string | undefined>;
  /** A service refused the token: the person has to sign in again. */
  readonly reject: () => void;
}

/** The browser, as far as a session needs it. */
export interface Browser {
  readonly address: () => URL;
  /** `silent`: the way back does not lead there. */
  readonly go: (url: string, silent: boolean) => void;
  /** Of this tab. */
  readonly tab: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Of all tabs of this origin. */
  readonly shared: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly now: () => number;
}

interface Saved {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  readonly person: Person;
  /** ms since the epoch */
  readonly expiresAt: number;
}

interface Pending extends Attempt {
  /** The page that the person was on. */
  readonly path: string;
  readonly silent: boolean;
}

const SESSION = 'session';
const PENDING = 'sign-in';
/** In the shared storage: someone signed in with this browser, so a silent sign-in is worth a try. */
const HINT = 'signed-in';
/** Renewed this long before it ends, ms. */
const RENEW_BEFORE_MS = 60_000;

export function createSession(config: PageConfig, browser: Browser): Session {
  const { address, go, tab, shared, now } = browser;
  const issuer: SignInIssuer = createSignInIssuer(config, `${address().origin}/`);
  const person = signal<Person | undefined>(undefined);
  const failure = signal<string | undefined>(undefined);
  let saved: Saved | undefined;
  let renewal: Promise<void> | undefined;

  const keep = (next: Saved) => {
    saved = next;
    tab.setItem(SESSION, JSON.stringify(next));
    shared.setItem(HINT, 'yes');
    if (JSON.stringify(person.peek()) !== JSON.stringify(next.person)) person.value = next.person;
  };
  const forget = () => {
    saved = undefined;
    tab.removeItem(SESSION);
    person.value = undefined;
  };

  const leave = async (silent: boolean) => {
    const pending: Pending = { ...newAttempt(), path: address().pathname, silent };
    const url = await issuer.signInUrl(pending, silent);
    tab.setItem(PENDING, JSON.stringify(pending));
    go(url, silent);
  };

  /** The issuer's answer in the address, to the attempt that this tab began. */
  const finish = async (pending: Pending) => {
    try {
      const tokens = await issuer.redeem(pending, address());
      if (tokens.claims) keep(savedOf(tokens, personOf(tokens.claims), now()));
    } catch (thrown) {
      shared.removeItem(HINT);
      if (!(pending.silent && needsThePerson(thrown))) failure.value = failureSentence(thrown);
    }
  };

  const renew = async (before: Saved, refreshToken: string) => {
    try {
      const tokens = await issuer.refresh(refreshToken);
      const who = tokens.claims ? personOf(tokens.claims) : before.person;
      if (saved === before) keep(savedOf({ ...before, ...definedOf(tokens) }, who, now()));
    } catch (thrown) {
      if (!isRefusal(thrown) || saved !== before) return;
      forget();
      await leave(true).catch(() => undefined);
    }
  };

  return {
    person,
    failure,
    resume: async ({ silent } = { silent: false }) => {
      const { pathname, searchParams } = address();
      const [text, begun] = [tab.getItem(SESSION), tab.getItem(PENDING)];
      tab.removeItem(PENDING);
      if (text !== null) keep(JSON.parse(text) as Saved);
      if (begun !== null && searchParams.has('state')) {
        const pending = JSON.parse(begun) as Pending;
        await finish(pending);
        return pending.path;
      }
      if (saved || !silent || shared.getItem(HINT) === null) return pathname;
      try {
        await leave(true);
        return undefined;
      } catch {
        return pathname;
      }
    },
    signIn: async () => {
      failure.value = undefined;
      await leave(false).catch((thrown: unknown) => {
        failure.value = failureSentence(thrown);
      });
    },
    signOut: async () => {
      const idToken = saved?.idToken;
      forget();
      shared.removeItem(HINT);
      const url = await issuer.signOutUrl(idToken).catch(() => undefined);
      go(url ?? `${address().origin}/`, false);
    },
    token: async () => {
      const before = saved;
      if (before?.refreshToken !== undefined && before.expiresAt - now() < RENEW_BEFORE_MS) {
        renewal ??= renew(before, before.refreshToken).finally(() => {
          renewal = undefined;
        });
        await renewal;
      }
      if (saved && saved.expiresAt <= now()) {
        if (saved.refreshToken !== undefined) throw new TypeError('the issuer cannot be reached');
        forget();
      }
      return saved?.accessToken;
    },
    reject: forget,
  };
}

function savedOf(tokens: Omit<Tokens, 'claims'>, person: Person, now: number): Saved {
  const { accessToken, refreshToken, idToken, expiresIn } = tokens;
  return { accessToken, refreshToken, idToken, person, expiresAt: now + expiresIn * 1000 };
}

/** An issuer may leave out of a refresh what has not changed. */
function definedOf({ accessToken, refreshToken, idToken, expiresIn }: Tokens) {
  return {
    accessToken,
    expiresIn,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken }),
  };
}
