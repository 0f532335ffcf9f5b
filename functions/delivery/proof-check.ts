/** Checks a confirmation against its delivery, and makes the proof to be stored. Pure. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { confirmDelivery } from '../../shared/contracts/deliveries.ts';
import type { FieldError } from '../../shared/errors.ts';
import { distance } from '../../shared/geo/distance.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { recognizeProof } from './proof-content.ts';
import type { DeliveryDocument, Proof } from './schemas.ts';

/** How far off a phone's position may be between houses, m. */
const MAX_DISTANCE = 200;
/** How far ahead a phone's clock may be, ms. */
const CLOCK_SKEW_MS = 5 * 60_000;

type Confirmation = z.output<(typeof confirmDelivery)['body']>;

/** @throws AppError `invalid_request` with every field that is not valid */
export function proofOf(
  item: DeliveryDocument,
  { confirmationType: type, confirmationBlob, geoCoordinates: position, dateTime }: Confirmation,
  { pickedUpAt, now, by }: { readonly pickedUpAt: string; readonly now: Date; readonly by: string },
): { readonly proof: Proof; readonly bytes: Buffer | undefined } {
  const errors: FieldError[] = [];
  const fault = (field: string, message: string) => errors.push({ path: `body.${field}`, message });
  const { confirmationRequired: wanted } = item;
  if (wanted !== 'None' && type !== wanted)
    fault('confirmationType', `must be ${wanted}, as the request says`);
  if (type === 'None' && confirmationBlob) fault('confirmationBlob', 'must be absent for the type None');
  if (type !== 'None' && !confirmationBlob) fault('confirmationBlob', `must contain the ${type}`);
  const metres = distance(position, item.dropoff);
  if (metres > MAX_DISTANCE) {
    fault(
      'geoCoordinates',
      `is ${Math.round(metres)} m from the dropoff; at most ${MAX_DISTANCE} m are accepted`,
    );
  }
  const at = timeOf(dateTime) ?? now.toISOString();
  if (at < new Date(pickedUpAt).toISOString()) fault('dateTime', 'is before the pickup');
  if (Date.parse(at) > now.getTime() + CLOCK_SKEW_MS) fault('dateTime', 'is in the future');
  const bytes = confirmationBlob ? Buffer.from(confirmationBlob, 'base64') : undefined;
  const content = type !== 'None' && bytes ? recognizeProof(type, bytes) : undefined;
  if (content && 'accepted' in content) fault('confirmationBlob', `must be ${content.accepted}`);
  if (errors.length > 0) throw invalid(errors);
  const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
  const proofId = sha256?.slice(0, 32) ?? 'none';
  const kept =
    bytes && sha256 && content && !('accepted' in content)
      ? { ...content, size: bytes.length, sha256, blob: `${item.deliveryId}/${proofId}` }
      : {};
  return { proof: { proofId, type, at, receivedAt: now.toISOString(), position, by, ...kept }, bytes };
}

function timeOf(time: Confirmation['dateTime']): string | undefined {
  const value = typeof time === 'string' ? time : time?.dateTimeValue;
  return value && new Date(value).toISOString();
}
