/** Reports the events of the sample carrier's bookings to the service that booked. */
import type { CarrierEvent } from '../../shared/contracts/third-party.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { TokenSource } from '../link/token-source.ts';
import { type Booking, type Bookings, bodyOf, REPORTS, type Report } from './bookings.ts';

export interface ReportOptions {
  readonly bookings: Bookings;
  readonly token: TokenSource;
  readonly log: Log;
  readonly now: () => number;
}

const TICK_MS = 100;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_TRIES = 10;

/** Starts reporting events that are due. The returned function stops it, after the reports under way. */
export function startReports(options: ReportOptions): () => Promise<void> {
  let round: Promise<void> | undefined;
  let isFailing = false;
  /** A full disk fails every round: only the first failure is logged, until a round succeeds. */
  const failed = (error: unknown) => {
    if (!isFailing) options.log.error({ err: error }, 'a round of reports failed; it will be tried again');
    isFailing = true;
  };
  const succeeded = () => {
    isFailing = false;
  };
  const tick = () => {
    round ??= reportDue(options)
      .then(succeeded, failed)
      .finally(() => {
        round = undefined;
      });
  };
  const timer = setInterval(tick, TICK_MS);
  return async () => {
    clearInterval(timer);
    await round;
  };
}

async function reportDue(options: ReportOptions): Promise<void> {
  await Promise.all(options.bookings.due(options.now()).map((booking) => report(booking, options)));
}

async function report(booking: Booking, options: ReportOptions): Promise<void> {
  const { bookings, now } = options;
  const event = booking.next as Report;
  const { callbackUrl, toCollect, toDeliver, pickup, dropoff } = bodyOf(booking);
  const position = { Departed: undefined, Collected: pickup, Delivered: dropoff }[event];
  const taken = await post(callbackUrl, options, {
    bookingId: booking.id,
    eventId: `${booking.id}-${event}`,
    event,
    at: new Date(now()).toISOString(),
    ...(position ? { position } : {}),
  });
  // The booking may have been cancelled meanwhile.
  if (bookings.find(booking.id)?.next !== event) return;
  if (!taken) {
    const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** booking.tries);
    bookings.save({ ...booking, due: now() + pause, tries: Math.min(booking.tries + 1, MAX_TRIES) });
    return;
  }
  const next = REPORTS[REPORTS.indexOf(event) + 1] ?? 'done';
  const seconds = { Departed: toCollect, Collected: toDeliver, Delivered: 0 }[event];
  bookings.save({ ...booking, next, due: now() + seconds * 1000, tries: 0 });
}

/** Whether the receiver has accepted the report, or will never accept it. */
async function post(url: string, { token, log }: ReportOptions, event: CarrierEvent): Promise<boolean> {
  try {
    const { value } = await token();
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) log.warn({ status: response.status, event: event.eventId }, 'a report was refused');
    return response.status < 500 && response.status !== 429 && response.status !== 401;
  } catch (error) {
    log.warn({ err: error, event: event.eventId }, 'a report did not arrive');
    return false;
  }
}
