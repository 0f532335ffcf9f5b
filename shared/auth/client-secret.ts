/** Derives the secret of one machine client of the demonstration. Without the key, no client can derive another's. */
import { createHmac } from 'node:crypto';

/** @param key known only to the issuer and to the process that plays all machines */
export function clientSecret(key: string, clientId: string): string {
  return createHmac('sha256', key).update(clientId).digest('base64url');
}
