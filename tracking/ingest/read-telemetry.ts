/**
 * Checks telemetry samples on the hot path, by plain comparisons: the schema would cost many times as much.
 *
 * R1 It accepts and refuses exactly the values that `read` does with the schema `Telemetry` (tested against it, value by value).
 */
import { z } from 'zod';
import { FLIGHT_MODES } from '../../shared/contracts/common.ts';
import { FLIGHT_LEGS, type Telemetry } from '../../shared/contracts/flight.ts';

type Fields = Record<string, unknown>;

const ID = /^[A-Za-z0-9][A-Za-z0-9._~-]*$/;
const TIME = z.core.regexes.datetime({ offset: true });
const LEGS: ReadonlySet<unknown> = new Set(FLIGHT_LEGS);
const MODES: ReadonlySet<unknown> = new Set(FLIGHT_MODES);
const MAX_ID_LENGTH = 100;
const MAX_BOOT_LENGTH = 40;
const MAX_TIME_LENGTH = 40;
/** m/s, along one axis */
const MAX_SPEED = 500;
/** m */
const MAX_ACCURACY = 100_000;
const KNOWN: ReadonlySet<string> = new Set([
  'droneId',
  'boot',
  'seq',
  'time',
  'position',
  'velocity',
  'heading',
  'battery',
  'flightMode',
  'leg',
  'loaded',
  'missionId',
  'deliveryId',
  'fence',
  'accuracy',
  'wind',
]);

/** The sample, or the path of the first field that is not valid. */
export type Reading =
  | { readonly sample: Telemetry; readonly wrong?: undefined }
  | { readonly sample?: undefined; readonly wrong: string };

export function readTelemetry(value: unknown): Reading {
  if (!isObject(value)) return { wrong: 'sample' };
  const wrong = firstWrong(value);
  if (wrong) return { wrong };
  const position = value['position'] as Fields;
  if (position['altitude'] === undefined) position['altitude'] = 0;
  return { sample: value as unknown as Telemetry };
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= MAX_ID_LENGTH && ID.test(value);

export const isTime = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_TIME_LENGTH && TIME.test(value);

export const isBoot = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_BOOT_LENGTH && value.isWellFormed();

export const isCount = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const isWithin = (value: unknown, least: number, most: number) =>
  isFinite(value) && value >= least && value <= most;

const isSpeed = (value: unknown) => isWithin(value, -MAX_SPEED, MAX_SPEED);

function firstWrong(value: Fields): string | undefined {
  for (const key in value) if (!KNOWN.has(key)) return key;
  if (!isId(value['droneId'])) return 'droneId';
  if (!isBoot(value['boot'])) return 'boot';
  if (!isCount(value['seq'], 0)) return 'seq';
  if (!isTime(value['time'])) return 'time';
  if (!isObject(value['position']) || wrongPosition(value['position'])) return 'position';
  if (!isVector(value['velocity'], true)) return 'velocity';
  if (!isWithin(value['heading'], -360, 360)) return 'heading';
  if (!isWithin(value['battery'], 0, 1)) return 'battery';
  if (!MODES.has(value['flightMode'])) return 'flightMode';
  if (!LEGS.has(value['leg'])) return 'leg';
  if (typeof value['loaded'] !== 'boolean') return 'loaded';
  if (value['missionId'] !== undefined && !isId(value['missionId'])) return 'missionId';
  if (value['deliveryId'] !== undefined && !isId(value['deliveryId'])) return 'deliveryId';
  if (value['fence'] !== undefined && !isCount(value['fence'], 1)) return 'fence';
  if (value['accuracy'] !== undefined && !isWithin(value['accuracy'], 0, MAX_ACCURACY)) return 'accuracy';
  if (value['wind'] !== undefined && !isVector(value['wind'], false)) return 'wind';
  return undefined;
}

function wrongPosition(position: Fields): boolean {
  for (const key in position) {
    if (key !== 'latitude' && key !== 'longitude' && key !== 'altitude') return true;
  }
  return !(
    isWithin(position['latitude'], -90, 90) &&
    isWithin(position['longitude'], -180, 180) &&
    (position['altitude'] === undefined || isWithin(position['altitude'], -500, 10_000))
  );
}

function isVector(value: unknown, withUp: boolean): boolean {
  if (!isObject(value)) return false;
  for (const key in value) {
    if (key !== 'north' && key !== 'east' && !(withUp && key === 'up')) return false;
  }
  return isSpeed(value['north']) && isSpeed(value['east']) && (!withUp || isSpeed(value['up']));
}
