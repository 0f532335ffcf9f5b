/** Schemas that several contracts use. */
import { z } from 'zod';

/** Ids that a caller may choose: stable in URLs, in Cosmos and as Durable instance ids. */
export const Id = z
  .string()
  .min(1)
  .max(100)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._~-]*$/,
    'may contain letters, digits and . _ ~ - only, and must begin with a letter or digit',
  );
export type Id = z.infer<typeof Id>;

/** ISO 8601 with an offset; answered in UTC. */
export const Time = z.iso
  .datetime({ offset: true })
  .max(40)
  .describe('must be an ISO 8601 date and time with an offset or Z');
export type Time = z.infer<typeof Time>;

/** WGS 84; altitude in metres above ground. */
export const Position = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  altitude: z.number().min(-500).max(10_000).default(0),
});
export type Position = z.infer<typeof Position>;

/** A person's id: the subject of the token, as whichever identity provider issues it (`google-oauth2|1083`, an e-mail address). */
export const UserId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'contains control characters');
export type UserId = z.infer<typeof UserId>;

/** `accountId` is the business, `userId` the person. */
export const Owner = z.strictObject({ userId: UserId, accountId: Id });
export type Owner = z.infer<typeof Owner>;

export const DELIVERY_STAGES = [
  'Created',
  'Rescheduled',
  'HeadedToPickup',
  'HeadedToDropoff',
  'Completed',
  'Cancelled',
  'Failed',
  'Returning',
] as const;
export const DeliveryStage = z.enum(DELIVERY_STAGES);
export type DeliveryStage = z.infer<typeof DeliveryStage>;

/** The original sent numbers in one place and names in another: both are read, names are answered. */
function namesOrNumbers<const T extends readonly [string, ...string[]]>(names: T) {
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  return z
    .preprocess(
      (value) =>
        typeof value === 'number'
          ? (names[value] ?? value)
          : typeof value === 'string'
            ? (byLowerCase.get(value.toLowerCase()) ?? value)
            : value,
      z.enum(names),
    )
    .meta({ enum: [...names, ...names.keys()] });
}

export const ConfirmationType = namesOrNumbers(['None', 'FingerPrint', 'Picture', 'Voice']);
export type ConfirmationType = z.output<typeof ConfirmationType>;

export const PackageSize = namesOrNumbers(['Small', 'Medium', 'Large']);
export type PackageSize = z.output<typeof PackageSize>;

export const FLIGHT_MODES = ['Unknown', 'Ready', 'Takeoff', 'Inflight', 'Landing', 'Offline'] as const;
export const DroneFlightMode = z.enum(FLIGHT_MODES);
export type DroneFlightMode = z.infer<typeof DroneFlightMode>;

/** A point in time with its 80 % interval. */
export const Eta = z.strictObject({ at: Time, earliest: Time, latest: Time });
export type Eta = z.infer<typeof Eta>;

/** A package's weight, from a gram to a tonne. */
export const Weight = z.number().min(0.001).max(1000).describe('kg');

export const Tag = z.string().max(100);

/** A query parameter that is a whole number in decimal digits: `0x10`, `1e2` and ` 7` are refused. */
export function integerText(min: number, max: number) {
  const digits = /^-?\d{1,9}$/;
  return z
    .preprocess(
      (value) => (typeof value === 'string' && digits.test(value) ? Number(value) : value),
      z.int().min(min).max(max),
    )
    .meta({ type: 'integer', minimum: min, maximum: max });
}

/** A query parameter that is a decimal number, without an exponent. */
export function decimalText(min: number, max: number) {
  const decimal = /^-?\d{1,9}(\.\d{1,15})?$/;
  return z
    .preprocess(
      (value) => (typeof value === 'string' && decimal.test(value) ? Number(value) : value),
      z.number().min(min).max(max),
    )
    .meta({ type: 'number', minimum: min, maximum: max });
}

/** The month that a summary covers. */
export const Month = { year: integerText(2000, 2200), month: integerText(1, 12) };
