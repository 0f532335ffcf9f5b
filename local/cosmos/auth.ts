/** Verifies master-key signatures. https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { CosmosError } from './errors.ts';

/** The documented key of Microsoft's emulator, so that tools for it can connect. */
export const EMULATOR_KEY =
  'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';

export interface SignedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly date: string;
  /** Decoded: `type=master&ver=1.0&sig=…`. */
  readonly authorization: string;
}

let latest: { readonly key: string; readonly secret: KeyObject } | undefined;

/** Created once: this costs more than a signature. */
function secretOf(key: string): KeyObject {
  if (latest?.key !== key) latest = { key, secret: createSecretKey(Buffer.from(key, 'base64')) };
  return latest.secret;
}

/** @throws CosmosError 401 */
export function checkMasterKey(request: SignedRequest, key: string): void {
  const fields = new Map(
    request.authorization.split('&').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)] as const;
    }),
  );
  if (fields.get('type') !== 'master')
    throw unauthorized('the authorization is neither a master key nor a token of this server');
  const sent = Buffer.from(fields.get('sig') ?? '');
  const { type, link } = resourceOf(request.path);
  const resources = new Set([link, link.toLowerCase(), ridOf(link).toLowerCase()]);
  for (const resource of resources) {
    const text = `${request.method.toLowerCase()}\n${type}\n${resource}\n${request.date.toLowerCase()}\n\n`;
    const expected = Buffer.from(createHmac('sha256', secretOf(key)).update(text).digest('base64'));
    if (sent.length === expected.length && timingSafeEqual(sent, expected)) return;
  }
  throw unauthorized(
    'The input authorization token can’t serve the request. The wrong key is being used or the expected payload is not built as per the protocol.',
  );
}

/** `/dbs/a/colls/b/docs` → type docs, link dbs/a/colls/b; `/dbs/a/colls/b/docs/c` → type docs, the whole link. */
function resourceOf(path: string): { type: string; link: string } {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  if (parts.length % 2 === 0) return { type: parts.at(-2) ?? '', link: parts.join('/') };
  return { type: parts.at(-1) ?? '', link: parts.slice(0, -1).join('/') };
}

/** If a resource is addressed by its resource id, only that id is signed. */
const ridOf = (link: string) => link.slice(link.lastIndexOf('/') + 1);

export function unauthorized(message: string): CosmosError {
  return new CosmosError(401, message);
}
