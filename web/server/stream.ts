/**
 * A stream of tracking, kept up: a ticket, the stream, and both again when it breaks. `fetch` instead of EventSource, because a
 * used-up ticket must be replaced at each connection, and because the heartbeats show a dead connection.
 */
import { call } from './call.ts';
import { createStreamParser } from './event-stream.ts';
import { backoff, pause } from './pause.ts';
import { asProblem, problemOf } from './problem.ts';

export type StreamTarget = { readonly deliveryId: string } | { readonly fleet: true };
export type StreamState = 'connecting' | 'open' | 'waiting' | 'broken';

export interface StreamHandlers {
  readonly onFrame: (frame: unknown) => void;
  /** `waiting`: tracking does not know it yet. */
  readonly onState: (state: StreamState) => void;
  /** The frame after which the stream is over for good. */
  readonly isLast: (frame: unknown) => boolean;
  /** Tracking does not know the delivery: false gives up. */
  readonly onUnknown: () => Promise<boolean>;
}

/** The server beats every 4 s; 10 s of nothing is a dead connection. */
const SILENCE_MS = 10_000;

/** Resolves when the stream has ended for good, was refused, or `signal` was aborted. @throws ApiProblem when refused */
export async function follow(
  target: StreamTarget,
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let lastId: string | undefined;
  let retry: number | undefined;
  while (!signal.aborted) {
    try {
      const ended = await once(target, lastId, signal, {
        ...handlers,
        onOpen: () => {
          failures = 0;
          handlers.onState('open');
        },
        onId: (id) => {
          lastId = id;
        },
        onRetry: (ms) => {
          retry = ms;
        },
      });
      if (ended || signal.aborted) return;
    } catch (thrown) {
      if (signal.aborted) return;
      const problem = asProblem(thrown);
      if (problem.status === 404 && 'deliveryId' in target) {
        handlers.onState('waiting');
        if (!(await handlers.onUnknown())) return;
        continue;
      }
      if (!problem.mayPass) throw problem;
    }
    failures += 1;
    handlers.onState('broken');
    await pause(retry ?? backoff(failures), signal);
    retry = undefined;
    if (!signal.aborted) handlers.onState('connecting');
  }
}

interface OnceHandlers extends StreamHandlers {
  readonly onOpen: () => void;
  readonly onId: (id: string) => void;
  readonly onRetry: (ms: number) => void;
}

/** One connection. True: the last frame has come. */
async function once(
  target: StreamTarget,
  lastId: string | undefined,
  signal: AbortSignal,
  handlers: OnceHandlers,
): Promise<boolean> {
  const { ticket } = await call<{ ticket: string }>('POST', '/tickets', { body: target, signal });
  const path = 'fleet' in target ? '/fleet' : `/track/${target.deliveryId}`;
  const query = new URLSearchParams({ ticket, ...(lastId === undefined ? {} : { lastEventId: lastId }) });
  const dead = new AbortController();
  const response = await fetch(`${path}?${query}`, {
    headers: { accept: 'text/event-stream' },
    signal: AbortSignal.any([signal, dead.signal]),
  });
  if (response.status === 204) return true;
  // Tracking was started again between the ticket and its use: the next ticket will do.
  if (response.status === 401) return false;
  if (!response.ok || !response.body) throw await problemOf(response);
  handlers.onOpen();
  const parser = createStreamParser();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let watchdog = setTimeout(() => dead.abort(), SILENCE_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => dead.abort(), SILENCE_MS);
      for (const { data, id } of parser.push(decoder.decode(value, { stream: true }))) {
        if (id !== undefined) handlers.onId(id);
        const frame = JSON.parse(data) as unknown;
        handlers.onFrame(frame);
        if (handlers.isLast(frame)) return true;
      }
    }
    const asked = parser.retry();
    if (asked !== undefined) handlers.onRetry(asked);
    return false;
  } finally {
    clearTimeout(watchdog);
    await reader.cancel().catch(() => undefined);
  }
}
