/** Turns a dead letter back into a message: the same bytes and properties, with the partition key of its hub. */

import { AppError } from '../../shared/errors.ts';
import { HUBS, type HubName } from '../../shared/messaging/hubs.ts';
import type { Message } from '../../shared/messaging/publisher.ts';
import { parseJson } from '../../shared/read.ts';
import type { LetterDocument } from './schemas.ts';

/** @throws AppError `not_serviceable`: only the beginning of the message was kept */
export function checkWhole({ cutFrom }: LetterDocument, payload: string | undefined): void {
  if (cutFrom === undefined || payload !== undefined) return;
  const detail = `only the beginning of this message of ${cutFrom} bytes was kept: send the whole message as payload`;
  throw new AppError('not_serviceable', detail);
}

/** @throws AppError `not_serviceable` */
export function hubOf(letter: LetterDocument): HubName {
  if (letter.hub in HUBS) return letter.hub as HubName;
  throw new AppError('not_serviceable', `there is no hub ${letter.hub}`);
}

/** @param payload text corrected by an operator, in place of the stored payload */
export function messageOf(letter: LetterDocument, payload: string | undefined): Message {
  const encoding = payload === undefined && letter.encoding === 'base64' ? 'base64' : 'utf8';
  const body = Buffer.from(payload ?? letter.payload, encoding);
  const properties = Object.entries(letter.properties)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]): [string, string] => [name, String(value)]);
  return {
    key: keyOf(hubOf(letter), body) ?? letter.id,
    body,
    properties: { ...Object.fromEntries(properties), replayOf: letter.id },
  };
}

/** Readers of the broker do not get the original's key, so it is read from the payload field that the table of hubs names. */
function keyOf(hub: HubName, body: Buffer): string | undefined {
  const field = HUBS[hub].key === 'aggregate id' ? 'subject' : HUBS[hub].key;
  const parsed = parseJson(body);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null) return undefined;
  const message = parsed.value as Record<string, unknown> & { request?: Record<string, unknown> };
  const key = message[field] ?? message.request?.[field];
  return typeof key === 'string' && key !== '' ? key : undefined;
}
