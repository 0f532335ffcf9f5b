/**
 * Keeps a stream of tracking open: gets a ticket, reads the stream, and does both again when it breaks. It uses `fetch`
 * instead of EventSource, because each connection needs a new ticket, and because heartbeats reveal a dead connection.
 */
import { createParser } from 'eventsource-parser';
import type { Credentials } from './call.ts';
import { backoff, pause } from './pause.ts';
import { asProblem, problemOf } from './problem.ts';

export type StreamTarget = { readonly deliveryId: string } | { readonly fleet: true };
export type StreamState = 'connecting' | 'open' | 'waiting' | 'broken';

export interface StreamHandlers {
  readonly onFrame: (frame: unknown) => void;
  /** `waiting`: tracking does not know the delivery yet. */
  readonly onState: (state: StreamState) => void;
  /** The frame after which the stream ends for good. */
  readonly isLast: (frame: unknown) => boolean;
  /** Called when tracking does not know the delivery: waits, then returns whether to try again. */
  readonly onUnknown: () => Promise<boolean>;
}

/** Resolves when the stream has ended for good or `signal` was aborted. @throws ApiProblem when it was refused */
export type Follow = (target: StreamTarget, handlers: StreamHandlers, signal: AbortSignal) => Promise<void>;

export interface StreamOptions extends Credentials {
  /** Origin of tracking's routes; empty for the page's own. */
  readonly origin?: string;
  /** The server sends a heartbeat every 4 s; a longer silence is a dead connection. */
  readonly silenceMs?: number;
}

const SILENCE_MS = 10_000;

export function createFollow(options: StreamOptions): Follow {
  return async (target, handlers, signal) => {
    const progress: Progress = { failures: 0, lastId: undefined, retry: undefined };
    while (!signal.aborted) {
      try {
        if ((await readOnce(options, target, handlers, signal, progress)) || signal.aborted) return;
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
      progress.failures += 1;
      handlers.onState('broken');
      await pause(progress.retry ?? backoff(progress.failures), signal);
      progress.retry = undefined;
      if (!signal.aborted) handlers.onState('connecting');
    }
  };
}

/** The state that one connection leaves for the next. */
interface Progress {
  failures: number;
  lastId: string | undefined;
  /** ms, as the server requested. */
  retry: number | undefined;
}

/** Reads one connection to its end. True: the last frame has come. */
async function readOnce(
  options: StreamOptions,
  target: StreamTarget,
  handlers: StreamHandlers,
  signal: AbortSignal,
  progress: Progress,
): Promise<boolean> {
  const { origin = '', silenceMs = SILENCE_MS } = options;
  const ticket = await takeTicket(options, target, signal);
  const path = 'fleet' in target ? '/fleet' : `/track/${target.deliveryId}`;
  const { lastId } = progress;
  const query = new URLSearchParams({ ticket, ...(lastId === undefined ? {} : { lastEventId: lastId }) });
  const dead = new AbortController();
  const response = await fetch(`${origin}${path}?${query}`, {
    headers: { accept: 'text/event-stream' },
    signal: AbortSignal.any([signal, dead.signal]),
  });
  if (response.status === 204) return true;
  // Tracking was restarted between the ticket and its use: the next ticket will work.
  if (response.status === 401) return false;
  if (!response.ok || !response.body) throw await problemIn(response);
  progress.failures = 0;
  handlers.onState('open');
  let hasEnded = false;
  const parser = createParser({
    onEvent: ({ data, id }) => {
      if (hasEnded) return;
      if (id !== undefined) progress.lastId = id;
      const frame = JSON.parse(data) as unknown;
      handlers.onFrame(frame);
      hasEnded = handlers.isLast(frame);
    },
    onRetry: (ms) => {
      progress.retry = ms;
    },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let watchdog = setTimeout(() => dead.abort(), silenceMs);
  try {
    while (!hasEnded) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => dead.abort(), silenceMs);
      parser.feed(value);
    }
    return hasEnded;
  } finally {
    clearTimeout(watchdog);
    await reader.cancel().catch(() => undefined);
  }
}

/** A ticket opens one stream once: a browser's stream cannot carry a token. */
async function takeTicket(
  { token, reject, origin = '' }: StreamOptions,
  target: StreamTarget,
  signal: AbortSignal,
): Promise<string> {
  const bearer = await token();
  const response = await fetch(`${origin}/tickets`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // Tracking learns of a new delivery by an event, a moment after the page.
      prefer: 'wait=10',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(target),
    signal,
  });
  if (response.status === 401) reject();
  if (!response.ok) throw await problemIn(response);
  return ((await response.json()) as { readonly ticket: string }).ticket;
}

async function problemIn(response: Response) {
  return problemOf(response.status, await response.json().catch(() => undefined));
}
