/** Formats times as ISO 8601 in UTC with milliseconds, several times as fast as Date: every position needs six of them. */

const MINUTE = 60_000;
/** Number of minutes whose text is kept: ETAs lie within some hours of now. */
const MAX_MINUTES = 2_048;
const minutes = new Map<number, string>();
const seconds = Array.from({ length: 60 }, (_, second) => String(second).padStart(2, '0'));
const millis = Array.from({ length: 1_000 }, (_, milli) => `.${String(milli).padStart(3, '0')}Z`);

/** @example isoOf(0) // '1970-01-01T00:00:00.000Z' @throws RangeError as Date does */
export function isoOf(ms: number): string {
  const whole = Math.trunc(ms);
  if (!(whole >= 0)) return new Date(ms).toISOString();
  const minute = Math.floor(whole / MINUTE);
  const rest = whole - minute * MINUTE;
  return `${minuteText(minute)}${seconds[Math.floor(rest / 1000)]}${millis[rest % 1000]}`;
}

function minuteText(minute: number): string {
  const known = minutes.get(minute);
  if (known !== undefined) return known;
  const text = new Date(minute * MINUTE).toISOString().slice(0, -7);
  if (minutes.size >= MAX_MINUTES) minutes.delete(minutes.keys().next().value as number);
  minutes.set(minute, text);
  return text;
}
