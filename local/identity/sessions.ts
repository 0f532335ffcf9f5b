/** Remembers the person who signed in with this browser, by a cookie, so other pages can sign in without asking. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createExpiringStore } from './expiring-store.ts';

/** Cookies are not bound to ports, so the name must be unique among the servers of this machine. */
const COOKIE = 'identity-session';
const LIFE_MS = 24 * 3_600_000;
const MAX_SESSIONS = 1000;

export interface Sessions {
  readonly start: (response: ServerResponse, principalId: string) => void;
  readonly personOf: (request: IncomingMessage) => string | undefined;
  readonly end: (request: IncomingMessage, response: ServerResponse) => void;
}

export function createSessions(now: () => Date): Sessions {
  const sessions = createExpiringStore<string>({ lifeMs: LIFE_MS, maxEntries: MAX_SESSIONS, now });
  const setCookie = (response: ServerResponse, value: string, seconds: number) =>
    response.setHeader(
      'set-cookie',
      `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`,
    );
  return {
    start: (response, principalId) => setCookie(response, sessions.issue(principalId), LIFE_MS / 1000),
    personOf: (request) => sessions.find(keyOf(request)),
    end: (request, response) => {
      sessions.take(keyOf(request));
      setCookie(response, '', 0);
    },
  };
}

function keyOf({ headers }: IncomingMessage): string {
  const cookies = (headers.cookie ?? '').split(';').map((each) => each.trim());
  return cookies.find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
}
