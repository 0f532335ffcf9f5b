/** The rules of a delivery request that need no I/O: places, times, idempotency. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { Position } from '../../shared/contracts/common.ts';
import {
  AcceptedRequest,
  type DeliveryRequestBody,
  type LocationInput,
  type RequestAnswer,
  Reschedule,
  type RescheduleBody,
} from '../../shared/contracts/requests.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError, type FieldError } from '../../shared/errors.ts';
import { distance } from '../../shared/geo/distance.ts';
import { geocode, SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { read } from '../../shared/read.ts';
import { checkOffered } from './offer.ts';

/** Closer than this, pickup and dropoff are the same place, m. */
const SAME_PLACE_METRES = 20;

export interface NewRequest {
  readonly body: DeliveryRequestBody;
  readonly owner: { readonly userId: string; readonly accountId: string };
  readonly deliveryId: string;
  readonly now: Date;
}

/** @throws AppError `invalid_request` with every field that is not valid; `not_serviceable` outside the service area */
export function acceptedRequest({ body, owner, deliveryId, now }: NewRequest): AcceptedRequest {
  const errors: FieldError[] = [];
  const pickup = resolve(body.pickupLocation, 'body.pickupLocation', errors);
  const dropoff = resolve(body.dropOffLocation ?? body.dropoffLocation, 'body.dropOffLocation', errors);
  checkPlaces(pickup, dropoff, errors);
  checkTimes(body, now, errors);
  if (errors.length > 0 || !pickup || !dropoff) throw invalid(errors);
  checkOffered(body, pickup, dropoff);
  const { packageId, size, weight, tag } = body.packageInfo;
  return readable(AcceptedRequest, {
    deliveryId,
    owner,
    pickup,
    dropoff,
    ...(body.deadline ? { deadline: utc(body.deadline) } : {}),
    expedited: body.expedited,
    confirmationRequired: body.confirmationRequired,
    package: { id: packageId ?? `p-${deliveryId}`, size, weight, ...(tag === undefined ? {} : { tag }) },
    acceptedAt: now.toISOString(),
  });
}

/** The scheduler reads the message by the same schema, so a message that it would refuse is refused here, before the 202. */
function readable<S extends z.ZodType>(schema: S, value: z.output<S>): z.output<S> {
  const result = read(schema, value, 'body');
  if (!result.ok) throw invalid(result.errors);
  return result.value;
}

/** @throws AppError `invalid_request`, also when nothing would change */
export function reschedule(body: RescheduleBody, now: Date): Reschedule {
  const errors: FieldError[] = [];
  const place = (input: LocationInput | undefined, path: string) =>
    input === undefined ? undefined : resolve(input, path, errors);
  const pickup = place(body.pickupLocation, 'body.pickupLocation');
  const dropoff = place(body.dropOffLocation ?? body.dropoffLocation, 'body.dropOffLocation');
  checkPlaces(pickup, dropoff, errors);
  checkTimes(body, now, errors);
  const change: Reschedule = {
    ...(pickup ? { pickup } : {}),
    ...(dropoff ? { dropoff } : {}),
    ...(body.deadline ? { deadline: utc(body.deadline) } : {}),
  };
  if (errors.length > 0) throw invalid(errors);
  checkOffered(body, pickup, dropoff);
  if (Object.keys(change).length === 0) {
    throw invalid([{ path: 'body', message: 'name a place or a deadline to change' }]);
  }
  return readable(Reschedule, change);
}

/** A position, `"lat,lon"` or an address of the service area. */
export function resolve(
  input: LocationInput | undefined,
  path: string,
  errors: FieldError[],
): Position | undefined {
  if (input === undefined) {
    errors.push({ path, message: 'is missing' });
    return undefined;
  }
  const position = typeof input === 'string' ? fromText(input) : input;
  if (!position) {
    errors.push({ path, message: 'must be "latitude,longitude" or an address in the service area' });
    return undefined;
  }
  const checked = read(Position, position, path);
  if (!checked.ok) {
    errors.push(...checked.errors);
    return undefined;
  }
  if (!SERVICE_AREA.contains(checked.value)) {
    const message = 'is outside the service area';
    throw new AppError('not_serviceable', `${path.replace('body.', '')} ${message}`, {
      errors: [{ path, message }],
      facts: { bounds: SERVICE_AREA.bounds },
    });
  }
  return checked.value;
}

function fromText(text: string): { latitude: number; longitude: number; altitude: number } | undefined {
  const [, latitude, longitude] = /^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (latitude && longitude) return { latitude: Number(latitude), longitude: Number(longitude), altitude: 0 };
  return geocode(text);
}

export function checkPlaces(
  pickup: Position | undefined,
  dropoff: Position | undefined,
  errors: FieldError[],
): void {
  if (pickup && dropoff && distance(pickup, dropoff) < SAME_PLACE_METRES) {
    errors.push({ path: 'body.dropOffLocation', message: 'must not be the same place as pickupLocation' });
  }
}

function checkTimes(
  times: { readonly pickupTime?: string | undefined; readonly deadline?: string | undefined },
  now: Date,
  errors: FieldError[],
): void {
  if (times.deadline && Date.parse(times.deadline) <= now.getTime()) {
    errors.push({ path: 'body.deadline', message: 'is in the past' });
  }
  if (times.deadline && times.pickupTime && Date.parse(times.pickupTime) >= Date.parse(times.deadline)) {
    errors.push({ path: 'body.pickupTime', message: 'must be before the deadline' });
  }
}

function utc(time: string): string {
  return new Date(time).toISOString();
}

export function answerOf(request: AcceptedRequest): z.input<typeof RequestAnswer> {
  const { package: parcel } = request;
  return {
    deliveryId: request.deliveryId,
    ownerId: request.owner.accountId,
    pickupLocation: request.pickup,
    dropOffLocation: request.dropoff,
    ...(request.pickupTime ? { pickupTime: request.pickupTime } : {}),
    ...(request.deadline ? { deadline: request.deadline } : {}),
    expedited: request.expedited,
    confirmationRequired: request.confirmationRequired,
    packageInfo: {
      packageId: parcel.id,
      size: parcel.size,
      weight: parcel.weight,
      ...(parcel.tag === undefined ? {} : { tag: parcel.tag }),
    },
  };
}

/** The request as the workflow carries it out: with the places and times of the last reschedule that was granted. */
export function plannedAnswer(
  request: AcceptedRequest,
  plan: WorkflowView['plan'],
): z.input<typeof RequestAnswer> {
  return answerOf({ ...request, ...plan });
}

/** A valid item id for any key that a client may choose. It includes the caller: a colleague may use the same key. */
export function idempotencyId(userId: string, key: string): string {
  return `idempotency-${createHash('sha256')
    .update(JSON.stringify([userId, key]))
    .digest('hex')}`;
}
