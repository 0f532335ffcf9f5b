/** A message as a dead letter: whatever it holds, the letter fits the supervisor's route. */
import type { HubMessage, Letter } from '../ports.ts';

/** The route takes 256 KiB of JSON; escaping can make six bytes of one. */
const MAX_LETTER_LENGTH = 200 * 1024;
const MAX_CUT_BYTES = 24 * 1024;
const MAX_REASON_LENGTH = 1_000;

export function letterOf(hub: string, message: HubMessage, reason: string, step: string): Letter {
  const { bytes, partition, sequenceNumber, properties } = message;
  const whole: Letter = {
    hub,
    partition,
    sequenceNumber,
    reason: reason.slice(0, MAX_REASON_LENGTH).toWellFormed(),
    step,
    ...payloadOf(bytes),
    properties: plainProperties(properties),
  };
  return JSON.stringify(whole).length <= MAX_LETTER_LENGTH ? whole : bareLetterOf(whole, message);
}

/** The letter without properties, its payload as base64 and cut where it is long. */
export function bareLetterOf(letter: Letter, { bytes }: HubMessage): Letter {
  const cut = bytes.subarray(0, MAX_CUT_BYTES);
  const reason =
    cut.length === bytes.length
      ? letter.reason
      : `${letter.reason.slice(0, MAX_REASON_LENGTH - 80)} (the first ${cut.length} of ${bytes.length} bytes)`;
  return { ...letter, reason, payload: base64Of(cut), encoding: 'base64', properties: {} };
}

function payloadOf(bytes: Uint8Array): Pick<Letter, 'payload' | 'encoding'> {
  try {
    return { payload: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'text' };
  } catch {
    return { payload: base64Of(bytes), encoding: 'base64' };
  }
}

const base64Of = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** As JSON has them; AMQP allows values that JSON does not know. */
function plainProperties(properties: HubMessage['properties']): Letter['properties'] {
  try {
    return JSON.parse(JSON.stringify(properties)) as Letter['properties'];
  } catch {
    return {};
  }
}
