/** Keeps the tokens of this tab, and renews them before they expire. S1, S3 and S4 of session.ts. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Browser } from './browser.ts';
import { isRefusal } from './failure.ts';
import type { SignInIssuer, Tokens } from './issuer.ts';
import { type Person, personOf } from './person.ts';

export interface TokenKeeper {
  readonly person: ReadonlySignal<Person | undefined>;
  /** Keeps the tokens of a sign-in. */
  readonly accept: (tokens: Tokens) => void;
  /** Restores the tokens that this tab has stored; false when there are none. */
  readonly restore: () => boolean;
  readonly forget: () => void;
  readonly idToken: () => string | undefined;
  /** @throws TypeError when the token has expired and the issuer does not answer */
  readonly token: () => Promise<string | undefined>;
}

export interface TokenKeeperOptions {
  readonly issuer: Pick<SignInIssuer, 'refresh'>;
  readonly browser: Pick<Browser, 'tab' | 'now'>;
  /** The issuer refused to renew. */
  readonly onRefused: () => Promise<void>;
}

interface Saved {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  readonly person: Person;
  /** ms since the epoch */
  readonly expiresAt: number;
}

const KEY = 'session';
/** A token is renewed this long before it expires, ms. */
const RENEW_BEFORE_MS = 60_000;

export function createTokenKeeper({ issuer, browser, onRefused }: TokenKeeperOptions): TokenKeeper {
  const { tab, now } = browser;
  const person = signal<Person | undefined>(undefined);
  let saved: Saved | undefined;
  let renewal: Promise<void> | undefined;

  const keep = (next: Saved) => {
    saved = next;
    tab.setItem(KEY, JSON.stringify(next));
    // The same person must not look like a change.
    if (JSON.stringify(person.peek()) !== JSON.stringify(next.person)) person.value = next.person;
  };
  const forget = () => {
    saved = undefined;
    tab.removeItem(KEY);
    person.value = undefined;
  };
  const renew = async (before: Saved, refreshToken: string) => {
    try {
      const tokens = await issuer.refresh(refreshToken);
      if (saved === before) keep(savedOf(tokens, now(), before));
    } catch (thrown) {
      if (!isRefusal(thrown) || saved !== before) return;
      forget();
      await onRefused();
    }
  };

  return {
    person,
    accept: (tokens) => keep(savedOf(tokens, now())),
    restore: () => {
      const text = tab.getItem(KEY);
      if (text !== null) keep(JSON.parse(text) as Saved);
      return text !== null;
    },
    forget,
    idToken: () => saved?.idToken,
    token: async () => {
      if (saved?.refreshToken !== undefined && saved.expiresAt - now() < RENEW_BEFORE_MS) {
        renewal ??= renew(saved, saved.refreshToken).finally(() => {
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
  };
}

/** A refresh may leave out what has not changed. @throws Error when a sign-in names no person */
function savedOf(tokens: Tokens, now: number, before?: Saved): Saved {
  const who = tokens.claims ? personOf(tokens.claims) : before?.person;
  if (!who) throw new Error('the sign-in names no person');
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? before?.refreshToken,
    idToken: tokens.idToken ?? before?.idToken,
    person: who,
    expiresAt: now + tokens.expiresIn * 1000,
  };
}
