/**
 * Manages the session of this tab: signs in, renews tokens before they expire, signs out.
 *
 * S1 Tokens are kept in the tab's own storage, so they end with it; another tab signs in silently, by the issuer's session.
 * S2 A silent sign-in never shows a page of the issuer, and is not tried again after a failure.
 * S3 At most one refresh is under way at a time: a refresh token is used once.
 * S4 A refresh that gets no answer keeps the session; after one that is refused, the tab signs in again silently.
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Browser } from './browser.ts';
import type { PageConfig } from './config.ts';
import { failureSentence, needsThePerson } from './failure.ts';
import { type Attempt, createSignInIssuer, newAttempt, type SignInIssuer } from './issuer.ts';
import type { Person } from './person.ts';
import { createTokenKeeper } from './tokens.ts';

export interface Session {
  readonly person: ReadonlySignal<Person | undefined>;
  /** Why the last sign-in failed, in a sentence. */
  readonly failure: ReadonlySignal<string | undefined>;
  /**
   * Restores the session of this tab, or processes the issuer's answer in the page's address; `silent` tries to sign in
   * without asking. Returns the path to show, or undefined when the browser is on its way to the issuer.
   */
  readonly resume: (options?: { readonly silent: boolean }) => Promise<string | undefined>;
  readonly signIn: () => Promise<void>;
  readonly signOut: () => Promise<void>;
  /** An access token that is valid now; undefined if no user is signed in. @throws TypeError when it cannot be renewed now */
  readonly token: () => Promise<string | undefined>;
  /** A service refused the token: the person has to sign in again. */
  readonly reject: () => void;
}

interface Pending extends Attempt {
  /** The page before the sign-in. */
  readonly path: string;
  readonly silent: boolean;
}

const PENDING = 'sign-in';
/** In the shared storage: a person has signed in with this browser, so a silent sign-in is worth trying. */
const HINT = 'signed-in';

export function createSession(config: PageConfig, browser: Browser): Session {
  const { address, go, tab, shared } = browser;
  const issuer: SignInIssuer = createSignInIssuer(config, `${address().origin}/`);
  const failure = signal<string | undefined>(undefined);

  const leave = async (silent: boolean) => {
    const pending: Pending = { ...newAttempt(), path: address().pathname, silent };
    const url = await issuer.signInUrl(pending, silent);
    tab.setItem(PENDING, JSON.stringify(pending));
    go(url, silent);
  };
  const leaveSilently = () =>
    leave(true).then(
      () => true,
      () => false,
    );
  const keeper = createTokenKeeper({
    issuer,
    browser,
    onRefused: async () => {
      await leaveSilently();
    },
  });

  /** Matches the issuer's answer in the address with the attempt that this tab began. */
  const finish = async (pending: Pending) => {
    try {
      keeper.accept(await issuer.redeem(pending, address()));
      shared.setItem(HINT, 'yes');
    } catch (thrown) {
      shared.removeItem(HINT);
      if (!(pending.silent && needsThePerson(thrown))) failure.value = failureSentence(thrown);
    }
  };

  return {
    person: keeper.person,
    failure,
    resume: async ({ silent } = { silent: false }) => {
      const { pathname, searchParams } = address();
      const begun = tab.getItem(PENDING);
      tab.removeItem(PENDING);
      const isSignedIn = keeper.restore();
      if (begun !== null && searchParams.has('state')) {
        const pending = JSON.parse(begun) as Pending;
        await finish(pending);
        return pending.path;
      }
      const mayTry = silent && !isSignedIn && shared.getItem(HINT) !== null;
      return mayTry && (await leaveSilently()) ? undefined : pathname;
    },
    signIn: async () => {
      failure.value = undefined;
      await leave(false).catch((thrown: unknown) => {
        failure.value = failureSentence(thrown);
      });
    },
    signOut: async () => {
      const idToken = keeper.idToken();
      keeper.forget();
      shared.removeItem(HINT);
      const url = await issuer.signOutUrl(idToken).catch(() => undefined);
      go(url ?? `${address().origin}/`, false);
    },
    token: keeper.token,
    reject: keeper.forget,
  };
}
