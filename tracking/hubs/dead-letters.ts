/**
 * Hands messages that cannot be processed to the supervisor, while reading goes on.
 *
 * D1 A dead letter is sent at once, and again with growing pauses until the supervisor has answered; the oldest goes first.
 * D2 Messages behind it do not wait for it.
 * D3 Memory is bounded: dead letters that do not fit are counted and dropped here. They are still on the hub, which is read
 *    from its beginning at the next start, and the supervisor recognizes a dead letter by its position.
 */
import { setTimeout as pauseFor } from 'node:timers/promises';
import { toAppError } from '../../shared/errors.ts';
import { deadLetterOf } from '../../shared/messaging/dead-letter.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { HubMessage, Letter, RecordDeadLetter } from '../ports.ts';

export interface DeadLettersOptions {
  readonly record: RecordDeadLetter;
  readonly log: Log;
  /** Waits for `ms`, or until the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onOutcome?: (hub: string, result: 'recorded' | 'refused' | 'dropped') => void;
}

export interface DeadLetters {
  readonly add: (hub: string, message: HubMessage, reason: string, step: string) => void;
  readonly waiting: () => number;
  readonly close: () => void;
}

const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** ms */
const PAUSE = { first: 500, longest: 15_000 };

interface Waiting {
  readonly letter: Letter;
  readonly bytes: number;
}

const sleepFor = (ms: number, signal: AbortSignal) =>
  pauseFor(ms, undefined, { signal }).catch(() => undefined);

export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { record, log, sleep = sleepFor, onOutcome } = options;
  const queue: Waiting[] = [];
  const closing = new AbortController();
  let bytes = 0;
  let isRunning = false;

  const run = async () => {
    let pause = PAUSE.first;
    for (let next = queue[0]; next && !closing.signal.aborted; next = queue[0]) {
      const result = await attempt(record, next);
      if (result === 'unanswered') {
        await sleep(pause, closing.signal);
        pause = Math.min(PAUSE.longest, pause * 2);
        continue;
      }
      pause = PAUSE.first;
      queue.shift();
      bytes -= next.bytes;
      onOutcome?.(next.letter.hub, result);
      if (result === 'refused') log.error(factsOf(next.letter), 'the supervisor refused a dead letter');
    }
    isRunning = false;
  };

  return {
    add: (hub, message, reason, step) => {
      const letter = deadLetterOf(hub, message, reason, step);
      log.warn({ ...factsOf(letter), reason: letter.reason }, 'dead letter');
      const size = letter.payload.length;
      if (queue.length >= MAX_WAITING || bytes + size > MAX_WAITING_BYTES) return onOutcome?.(hub, 'dropped');
      queue.push({ letter, bytes: size });
      bytes += size;
      if (isRunning) return undefined;
      isRunning = true;
      return void run();
    },
    waiting: () => queue.length,
    close: () => closing.abort(),
  };
}

async function attempt(
  record: RecordDeadLetter,
  { letter }: Waiting,
): Promise<'recorded' | 'refused' | 'unanswered'> {
  try {
    await record(letter);
    return 'recorded';
  } catch (error) {
    return toAppError(error).retryable ? 'unanswered' : 'refused';
  }
}

const factsOf = ({ hub, partition, sequenceNumber }: Letter) => ({ hub, partition, sequenceNumber });
