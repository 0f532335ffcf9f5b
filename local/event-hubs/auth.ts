/** Authorizes by shared access signatures and tokens, with the rights Send, Listen and Manage. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Right = 'Send' | 'Listen' | 'Manage';

export interface AccessKey {
  readonly name: string;
  readonly key: string;
  readonly rights: readonly Right[];
}

/** Rights of a token's bearer on a hub, and the token's expiry (ms since the epoch); rejects when the token is not valid. */
export type VerifyToken = (
  token: string,
  hub: string,
) => Promise<{ readonly rights: readonly Right[]; readonly expires: number }>;

export interface Claim {
  /** Audience of the claim: a hub, or a path below it, in lower case. */
  readonly audience: string;
  readonly rights: readonly Right[];
  /** ms since the epoch */
  readonly expires: number;
}

/** `sb://host:port/Hub/Partitions/1` → `hub/partitions/1` */
export function entityPath(audience: string): string {
  return audience
    .replace(/^\w+:\/\/[^/]*/, '')
    .replace(/^\/+|\/+$/g, '')
    .toLowerCase();
}

/** Whether `path` is the entity or below it. The namespace, '', is above all. */
function covers(entity: string, path: string): boolean {
  return entity === '' || path === entity || path.startsWith(`${entity}/`);
}

/** https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature ; undefined: refused */
export function checkSas(
  token: string,
  audience: string,
  keys: readonly AccessKey[],
  now: number,
): Claim | undefined {
  const fields = new URLSearchParams(token.replace(/^SharedAccessSignature /, ''));
  const [sr, sig, se, skn] = ['sr', 'sig', 'se', 'skn'].map((name) => fields.get(name) ?? '') as [
    string,
    string,
    string,
    string,
  ];
  const key = keys.find(({ name }) => name === skn);
  const raw = /(?:^|[ &])sr=([^&]*)/.exec(token)?.[1] ?? '';
  if (!key || !sr || !raw) return undefined;
  const expected = createHmac('sha256', key.key).update(`${raw}\n${se}`).digest();
  const sent = Buffer.from(sig, 'base64');
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) return undefined;
  const expires = Number(se) * 1000;
  const path = entityPath(audience);
  if (!(expires > now) || !covers(entityPath(sr), path)) return undefined;
  return { audience: path, rights: key.rights, expires };
}

/** Signs a client without `$cbs` in by a key's name and the key. Undefined: refused. */
export function checkPlain(name: string, secret: string, keys: readonly AccessKey[]): Claim | undefined {
  const key = keys.find((each) => each.name === name);
  const [sent, expected] = [secret, key?.key ?? ''].map((text) =>
    createHmac('sha256', name).update(text).digest(),
  );
  if (!key || !timingSafeEqual(sent as Buffer, expected as Buffer)) return undefined;
  return { audience: '', rights: key.rights, expires: Number.MAX_SAFE_INTEGER };
}

export async function checkToken(
  token: string,
  audience: string,
  verify: VerifyToken,
): Promise<Claim | undefined> {
  const path = entityPath(audience);
  const [hub = ''] = path.split('/');
  try {
    const { rights, expires } = await verify(token, hub);
    return rights.length > 0 ? { audience: path, rights, expires } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether one of the claims covers the entity with the right (or Manage, which includes the others). Undefined: with any right. */
export function isAllowed(
  claims: readonly Claim[],
  entity: string,
  right: Right | undefined,
  now: number,
): boolean {
  const path = entity.toLowerCase();
  return claims.some(
    ({ audience, rights, expires }) =>
      expires > now &&
      covers(audience, path) &&
      (right === undefined || rights.includes(right) || rights.includes('Manage')),
  );
}
