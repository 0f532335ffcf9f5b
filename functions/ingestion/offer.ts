/**
 * Checks the limits of the service: a valid request that cannot be carried out is refused with 422 and a reason, never
 * accepted and forgotten. Limits that depend on the state of the fleet belong to the quote.
 */
import type { Position } from '../../shared/contracts/common.ts';
import { AppError, type FieldError } from '../../shared/errors.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';

/** kg; neither a drone nor a contracted carrier can take more. */
export const MAX_PARCEL_KG = 100;

interface Asked {
  readonly pickupTime?: string | undefined;
  readonly expedited?: boolean | undefined;
  readonly packageInfo?: { readonly weight: number } | undefined;
}

/** @throws AppError `not_serviceable` with every field that is outside the limits */
export function checkOffered(
  asked: Asked,
  pickup: Position | undefined,
  dropoff: Position | undefined,
): void {
  const errors: FieldError[] = [];
  const refuse = (field: string, message: string) => errors.push({ path: `body.${field}`, message });
  if (asked.pickupTime !== undefined) {
    refuse('pickupTime', 'cannot be chosen yet: leave it out, and the pickup will be as soon as possible');
  }
  if (asked.expedited) refuse('expedited', 'is not offered yet: leave it out or send false');
  if (asked.packageInfo && asked.packageInfo.weight > MAX_PARCEL_KG) {
    refuse(
      'packageInfo.weight',
      `is more than ${MAX_PARCEL_KG} kg, which neither a drone nor a courier takes`,
    );
  }
  if (pickup && SERVICE_AREA.isWet(pickup)) refuse('pickupLocation', 'is on water: choose a place on land');
  if (dropoff && SERVICE_AREA.isWet(dropoff))
    refuse('dropOffLocation', 'is on water: choose a place on land');
  const [first] = errors;
  if (first) throw new AppError('not_serviceable', `${first.path}: ${first.message}`, { errors });
}
