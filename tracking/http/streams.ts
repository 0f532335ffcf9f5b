/**
 * Opens the streams of watchers, and ends them.
 *
 * S1 A stream ends when the token expires that opened it, or with which its ticket was requested.
 * S2 A stream counts against the limit of its principal from before it opens until it is closed.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Id } from '../../shared/contracts/common.ts';
import { AppError } from '../../shared/errors.ts';
import { read } from '../../shared/read.ts';
import type { Client } from '../fan-out/client.ts';
import type { Holder, Scope } from '../fan-out/tickets.ts';
import type { Guard } from '../guard.ts';
import { CLOSE } from '../ingest/drone-sockets.ts';
import type { Tracker } from '../tracker.ts';
import { requireOperator, requireWatcher } from './access.ts';
import type { Bearer, Callers } from './caller.ts';
import type { Limits } from './limits.ts';

export interface StreamsOptions {
  readonly tracker: Pick<Tracker, 'tickets' | 'deliveries' | 'watchers' | 'fleet'>;
  readonly callers: Callers;
  readonly limits: Pick<Limits, 'openStream'>;
  readonly guard: Guard;
  readonly now: () => number;
}

export interface Admission {
  readonly scope: Scope;
  readonly lastSeen: number | undefined;
  /** ms since the epoch */
  readonly expiresAt: number;
  /** Frees the stream's place; the code that admitted it calls this when its connection has closed. */
  readonly release: () => void;
}

export interface Streams {
  /** @throws AppError 403, 404 */
  readonly permit: (bearer: Bearer, scope: Scope) => void;
  /**
   * Waits up to `waitMs` for the event that makes the delivery known: a page knows of it a moment earlier. Another
   * account's delivery never appears, like one that does not exist. @throws AppError 403, 404
   */
  readonly permitSoon: (bearer: Bearer, scope: Scope, waitMs: number, left: AbortSignal) => Promise<void>;
  /** @throws AppError 401, 403, 404, 429 */
  readonly admit: (request: IncomingMessage, url: URL, scope: Scope) => Promise<Admission>;
  readonly join: (admission: Omit<Admission, 'release'>, client: Client) => void;
  /** Whether a watcher reconnects to a delivery whose end it has already seen. */
  readonly hasSeenAll: (admission: Pick<Admission, 'scope' | 'lastSeen'>) => boolean;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const POLL_MS = 50;

export function createStreams({ tracker, callers, limits, guard, now }: StreamsOptions): Streams {
  const permit = ({ principal }: Bearer, scope: Scope) => {
    if ('fleet' in scope) requireOperator(principal);
    else requireWatcher(principal, tracker.deliveries.find(scope.deliveryId));
  };
  const holderOf = async (request: IncomingMessage, url: URL, scope: Scope): Promise<Holder> => {
    const ticket = url.searchParams.get('ticket');
    if (ticket !== null) {
      const holder = tracker.tickets.redeem(ticket, scope);
      if (holder) return holder;
      throw new AppError('token_invalid', 'the ticket has been used, has expired, or is for another stream');
    }
    const bearer = await callers.authenticate(request);
    permit(bearer, scope);
    return { subject: bearer.principal.subject, expiresAt: bearer.expiresAt };
  };
  const permitSoon: Streams['permitSoon'] = async (bearer, scope, waitMs, left) => {
    const until = now() + waitMs;
    for (;;) {
      try {
        return permit(bearer, scope);
      } catch (error) {
        const isUnknown = error instanceof AppError && error.code === 'not_found';
        if (!isUnknown || now() >= until || left.aborted) throw error;
      }
      await sleep(POLL_MS, undefined, { signal: left }).catch(() => undefined);
    }
  };
  return {
    permit,
    permitSoon,
    admit: async (request, url, scope) => {
      const { subject, expiresAt } = await holderOf(request, url, scope);
      const release = limits.openStream(subject);
      return { scope, lastSeen: lastSeenOf(request, url), expiresAt, release };
    },
    join: ({ scope, lastSeen, expiresAt }, client) => {
      if ('fleet' in scope) tracker.fleet.join(client);
      else tracker.watchers.join(scope.deliveryId, client, lastSeen);
      if (expiresAt === Number.POSITIVE_INFINITY) return;
      const end = guard(
        'token end',
        () => client.end(CLOSE.expired, 'the token has expired'),
        () => client.cut(),
      );
      const timer = setTimeout(end, Math.min(MAX_TIMER_MS, Math.max(0, expiresAt - now())));
      client.onClose(() => clearTimeout(timer));
    },
    hasSeenAll: ({ scope, lastSeen }) => {
      const delivery = 'deliveryId' in scope ? tracker.deliveries.find(scope.deliveryId) : undefined;
      return delivery?.endedAt !== undefined && lastSeen !== undefined && lastSeen >= delivery.sequence;
    },
  };
}

/** @throws AppError 404 */
export function scopeOf({ pathname }: URL): Scope {
  if (pathname === '/fleet') return { fleet: true };
  const encoded = /^\/track\/([^/]+)$/.exec(pathname)?.[1];
  if (encoded === undefined) throw new AppError('not_found', 'no route has this path');
  const id = read(Id, encoded);
  if (!id.ok) throw new AppError('not_found', 'there is no such delivery');
  return { deliveryId: id.value };
}

/** From SSE's header, or from the query of clients that cannot set it. */
function lastSeenOf({ headers }: IncomingMessage, { searchParams }: URL): number | undefined {
  const header = headers['last-event-id'];
  const text = (typeof header === 'string' ? header : undefined) ?? searchParams.get('lastEventId') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
