/** Tells the callers what happened to their bookings, again until they answer (V2 of carrier.ts). */
import type { CarrierEvent } from '../../shared/contracts/third-party.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { TokenSource } from '../link/token-source.ts';
import { type Bookings, bookingOf, type Row } from './bookings.ts';

export interface CallbacksOptions {
  readonly bookings: Pick<Bookings, 'due' | 'save'>;
  readonly token: TokenSource;
  readonly log: Log;
  readonly now: () => number;
}

export interface Callbacks {
  /** Makes the calls that are due. It never rejects: a store that fails is said once, and tried again. */
  readonly work: () => Promise<void>;
  readonly isWorking: () => boolean;
}

const RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const TIMEOUT_MS = 5_000;

export function createCallbacks(options: CallbacksOptions): Callbacks {
  const { bookings, log, now } = options;
  let working = false;
  let isFailing = false;

  const callBack = async (row: Row) => {
    const { callbackUrl, toDeliver } = bookingOf(row);
    const event: CarrierEvent = {
      bookingId: row.id,
      eventId: `${row.id}-${row.next}`,
      event: row.next as CarrierEvent['event'],
      at: new Date(now()).toISOString(),
    };
    if (!(await post(callbackUrl, event, options))) {
      const wait = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** row.tries);
      return bookings.save({ ...row, due: now() + wait, tries: Math.min(row.tries + 1, 10) });
    }
    const next = row.next === 'Collected' ? 'Delivered' : 'done';
    return bookings.save({ ...row, next, due: now() + toDeliver * 1000, tries: 0 });
  };

  return {
    isWorking: () => working,
    work: async () => {
      if (working) return;
      working = true;
      try {
        await Promise.all(bookings.due(now()).map(callBack));
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.error({ err: error }, 'the carrier cannot work on its bookings; it tries again');
        isFailing = true;
      } finally {
        working = false;
      }
    },
  };
}

/** Has the caller decided? */
async function post(
  url: string,
  event: CarrierEvent,
  { token, log }: Pick<CallbacksOptions, 'token' | 'log'>,
): Promise<boolean> {
  try {
    const { value } = await token();
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) log.warn({ status: response.status, event: event.eventId }, 'a callback was refused');
    return response.status < 500 && response.status !== 429 && response.status !== 401;
  } catch (error) {
    log.warn({ err: error, event: event.eventId }, 'a callback did not arrive');
    return false;
  }
}
