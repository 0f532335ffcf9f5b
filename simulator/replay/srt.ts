/**
 * Reads the subtitles (SRT) that DJI drones write: a block for each moment, with time and position in one of the styles of
 * their models.
 */
import type { Fix } from './fix.ts';

const TIMECODE = /^(\d+):(\d\d):(\d\d)[,.](\d{1,3}) *-->/m;
/** `2017.08.05 14:11:51,393,525`: the milliseconds, and then the microseconds. */
const DATE = /\b(\d{4})[.-](\d{1,2})[.-](\d{1,2}) (\d{1,2}):(\d\d):(\d\d)(?:[,.](\d{1,3}))?/;
const NUMBER = String.raw`(-?\d+(?:\.\d+)?)`;
/** `GPS(longitude, latitude, satellites)`. */
const GPS = new RegExp(String.raw`\bGPS *\( *${NUMBER} *, *${NUMBER}`);
const LATITUDE = new RegExp(String.raw`\blatitude *: *${NUMBER}`);
/** The spelling of the drones. */
const LONGITUDE = new RegExp(String.raw`\blongt?itude *: *${NUMBER}`);
/** Above the start if that is given, or else above the sea; only differences matter. */
const ALTITUDES = [
  new RegExp(String.raw`\bBAROMETER *: *${NUMBER}`),
  new RegExp(String.raw`\bHb *: *${NUMBER}`),
  new RegExp(String.raw`\brel_alt *: *${NUMBER}`),
  new RegExp(String.raw`\baltitude *: *${NUMBER}`),
  new RegExp(String.raw`\bH ${NUMBER}m`),
];

/** Blocks without a position are left out. @throws Error without a subject, when no block has a time */
export function readSrt(text: string): Fix[] {
  const blocks = text.replace(/^\uFEFF/, '').split(/\r?\n\s*\r?\n/);
  const positioned = blocks.flatMap((block) => {
    const position = positionOf(block);
    return position ? [{ block, position }] : [];
  });
  const fixes = positioned.flatMap(({ block, position }) => {
    const at = timeOf(block);
    return at === undefined ? [] : [{ at, position }];
  });
  if (positioned.length > 0 && fixes.length === 0)
    throw new Error('its positions have no times: neither timecodes (00:00:01,000 --> …) nor dates');
  return fixes;
}

function positionOf(block: string): Fix['position'] | undefined {
  const [, east, north] = GPS.exec(block) ?? [];
  const latitude = north ?? LATITUDE.exec(block)?.[1];
  const longitude = east ?? LONGITUDE.exec(block)?.[1];
  if (latitude === undefined || longitude === undefined) return undefined;
  const altitude = ALTITUDES.map((style) => style.exec(block)?.[1]).find((found) => found !== undefined);
  return { latitude: Number(latitude), longitude: Number(longitude), altitude: Number(altitude ?? 0) };
}

/** Seconds from an arbitrary origin. */
function timeOf(block: string): number | undefined {
  const [, ...timecode] = TIMECODE.exec(block) ?? [];
  if (timecode.length > 0) {
    const [hours = 0, minutes = 0, seconds = 0] = timecode.map(Number);
    return hours * 3600 + minutes * 60 + seconds + Number(`0.${timecode[3]}`);
  }
  const [, ...date] = DATE.exec(block) ?? [];
  if (date.length === 0) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = date.map((part) =>
    Number(part ?? 0),
  );
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 + Number(`0.${date[6] ?? '0'}`);
}
