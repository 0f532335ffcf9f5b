/**
 * Signs requests by the Standard Webhooks specification, so receivers can verify them with an existing library.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * G1 The signature covers the id, the time and the body, so none of them can be changed or replayed later.
 * G2 Each receiver has its own secrets, derived from the master keys: one cannot sign for another.
 * G3 Every active key signs. During a rotation a receiver may hold either secret.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The receiver name of the relay; an account's is `account <id>`. */
export const RELAY = 'relay';

/**
 * The secrets of one receiver, newest first, one per master key.
 * @param masterKeys `WEBHOOK_SIGNING_KEYS`
 * @param receiver `account <id>`, or `RELAY`
 * @returns texts of the form `whsec_<base64>`
 */
export function signingSecrets(masterKeys: readonly string[], receiver: string): readonly string[] {
  return masterKeys.map((key) => {
    const derived = createHmac('sha256', key).update(`webhooks of ${receiver}`).digest('base64');
    return `${PREFIX}${derived}`;
  });
}

/**
 * @param secrets as `signingSecrets` returns them
 * @param id the same on every repetition of a message
 * @returns headers, names in lower case
 * @example signatureHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], 'msg_p5jXN8AQM9LWM0D4loKWxJek', new Date(1614265330_000), '{"test": 2432232314}')
 */
export function signatureHeaders(
  secrets: readonly string[],
  id: string,
  at: Date,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
