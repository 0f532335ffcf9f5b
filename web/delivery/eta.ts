/** Puts arrival times into words. ETAs are in the server's time, and so is `now` (clock.ts). */
import type { Eta } from '../../shared/contracts/common.ts';

export interface EtaText {
  /** `4 min`, `45 s`, `any moment` */
  readonly left: string;
  /** `11:42` */
  readonly at: string;
  /** `between 11:41 and 11:44`; with seconds if the minute is the same. */
  readonly interval: string;
}

const MINUTE = 60_000;
/** Above this, minutes are precise enough. */
const MINUTES_FROM = 2 * MINUTE;
const ROUND_SECONDS = 5;
const MOMENT = 3_000;

export function etaText(eta: Eta, now: number): EtaText {
  const at = Date.parse(eta.at);
  const isSoon = at - now < MINUTES_FROM;
  const [earliest, latest] = [Date.parse(eta.earliest), Date.parse(eta.latest)];
  const coarse = [earliest, latest].map((time) => clock(time, false));
  const [from, to] =
    coarse[0] === coarse[1] || isSoon ? [earliest, latest].map((time) => clock(time, true)) : coarse;
  return {
    left: timeLeft(at - now),
    at: clock(at, isSoon),
    interval: from === to ? `at ${from}` : `between ${from} and ${to}`,
  };
}

/** Rounds to minutes above two minutes, and to five seconds above thirty. */
export function timeLeft(ms: number): string {
  if (ms < MOMENT) return 'any moment';
  if (ms >= 60 * MINUTE) return `${Math.floor(ms / MINUTE / 60)} h ${Math.round(ms / MINUTE) % 60} min`;
  if (ms >= MINUTES_FROM) return `${Math.round(ms / MINUTE)} min`;
  const seconds = ms > 30_000 ? Math.round(ms / 1000 / ROUND_SECONDS) * ROUND_SECONDS : Math.round(ms / 1000);
  return seconds >= 60
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`.replace(' 0 s', '')
    : `${seconds} s`;
}

export function clock(time: number, withSeconds: boolean): string {
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
  return new Intl.DateTimeFormat(undefined, withSeconds ? { ...options, second: '2-digit' } : options).format(
    time,
  );
}

/** A length of time: `48 s`, `3 min 12 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes} min ${seconds % 60} s`;
}

/** Smallest change worth showing, ms; larger when much time is left. */
const MIN_CHANGE = 2_000;
const MIN_SHARE = 0.01;

/** The ETA to show. It does not flicker: the old one stays until the new one differs by more than 2 s or 1 % of the time left. */
export function steadyEta(shown: Eta | undefined, next: Eta | undefined, now: number): Eta | undefined {
  if (!shown || !next) return next;
  const change = Math.abs(Date.parse(next.at) - Date.parse(shown.at));
  const left = Math.max(0, Date.parse(next.at) - now);
  return change > Math.max(MIN_CHANGE, left * MIN_SHARE) ? next : shown;
}
