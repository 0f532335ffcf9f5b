/**
 * Terminates TLS in front of Azurite, for clients with a token: Azurite itself accepts only tokens of Entra ID's issuers.
 *
 * L1 A request with a token reaches Azurite only if the token is valid and the roles of its bearer grant all rights that the
 *    request needs. Azurite gets the account's signature in place of the token.
 * L2 Requests with a key or a signature pass unchanged. Without credentials the answer is 401, as from an account that
 *    allows no public access.
 * L3 Each request in a blob batch is checked by its own token; one without the right is refused on its own.
 */
import { IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type Bearer, createBearerReader } from '../bearer.ts';
import { createHostCheck, protect } from '../host-check.ts';
import { closeAll, listen } from '../loopback.ts';
import { ACCOUNT, AUDIENCE, accountSignature, type Service } from './account.ts';
import { rewriteBatch } from './blob-batch.ts';
import {
  BAD_URI,
  challengeOf,
  NO_KEYS,
  NO_RIGHT,
  NOT_SUPPORTED,
  type Refusal,
  refuse,
  TOO_LARGE,
  unauthenticated,
} from './refusals.ts';
import { type Asked, covers, needsOf, partsOf, type Roles } from './rights.ts';

export interface TokenOptions {
  /** Key and certificate of the listeners, PEM. */
  readonly tls: { readonly key: string; readonly cert: string };
  /** Default: any free port. */
  readonly ports?: Readonly<Partial<Record<Service, number>>>;
  /** `iss` of the tokens; its discovery document names the keys. */
  readonly issuer: string;
  /** Default: `https://storage.azure.com`. */
  readonly audience?: string;
  readonly roles: Roles;
}

export interface TokenListener {
  readonly port: number;
  close(): Promise<void>;
}

/** The service's limit. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Listens with TLS on loopback for a service that `plain` serves.
 *
 * @throws Error EADDRINUSE when the port is in use
 */
export async function startTokenListener(
  service: Service,
  plain: Server,
  options: TokenOptions,
): Promise<TokenListener> {
  const { issuer, audience = AUDIENCE, roles } = options;
  const gate: Gate = {
    service,
    roles,
    challenge: challengeOf(issuer, audience),
    read: createBearerReader({ issuer, audience }),
    signature: accountSignature(),
    pass: (request, response) => void plain.emit('request', request, response),
  };
  const { keepAliveTimeout } = plain;
  const server = createServer({ ...options.tls, keepAliveTimeout }, (request, response) => {
    judge(gate, request)
      .then((outcome) => {
        if (outcome instanceof IncomingMessage) gate.pass(outcome, response);
        else turnAway(service, request, response, outcome);
      })
      .catch(() => response.destroy());
  });
  protect(server, createHostCheck());
  return { port: await listen(server, options.ports?.[service] ?? 0), close: () => closeAll(server) };
}

interface Gate {
  readonly service: Service;
  readonly roles: Roles;
  readonly challenge: string;
  readonly read: (token: string) => Promise<Bearer>;
  readonly signature: string;
  readonly pass: (request: IncomingMessage, response: ServerResponse) => void;
}

function turnAway(service: Service, request: IncomingMessage, response: ServerResponse, why: Refusal): void {
  request.resume();
  refuse(response, service, why);
}

/** The request for Azurite, or the reason why there is none. */
async function judge(gate: Gate, request: IncomingMessage): Promise<IncomingMessage | Refusal> {
  const { method = 'GET', headers } = request;
  const url = urlOf(request.url);
  if (url === undefined) return BAD_URI;
  const { authorization } = headers;
  if (method === 'OPTIONS') return request;
  if (authorization === undefined)
    return url.searchParams.has('sig') ? request : unauthenticated(gate.challenge);
  const token = tokenOf(authorization);
  if (token === undefined) return request;
  const header = (name: string) => headers[name]?.toString();
  const refusal = await refusalOf(gate, token, { method, url, header });
  if (refusal) return refusal;
  request.url = signed(gate, url);
  delete headers.authorization;
  const isBatch = gate.service === 'blob' && url.searchParams.get('comp') === 'batch';
  return isBatch ? signBatch(gate, request) : request;
}

async function refusalOf(gate: Gate, token: string, asked: Asked): Promise<Refusal | undefined> {
  let names: readonly string[];
  try {
    ({ names } = await gate.read(token));
  } catch (error) {
    const detail = detailOf(error);
    return detail === undefined ? NO_KEYS : unauthenticated(gate.challenge, detail);
  }
  const needs = needsOf(gate.service, asked);
  if (needs === undefined) return NOT_SUPPORTED;
  return needs.every((need) => covers(gate.roles, names, need)) ? undefined : NO_RIGHT;
}

/** https://github.com/panva/jose/blob/main/src/util/errors.ts */
const NOT_ASKED: ReadonlySet<string> = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC']);

/** Undefined: the token was not checked, because its issuer's keys could not be fetched. */
function detailOf(error: unknown): string | undefined {
  const { code, claim } = error as { code?: unknown; claim?: unknown };
  if (typeof code !== 'string' || !code.startsWith('ERR_J') || NOT_ASKED.has(code)) return undefined;
  if (code === 'ERR_JWT_EXPIRED') return 'Lifetime validation failed. The token is expired.';
  if (claim === 'aud') return 'Audience validation failed. Audience did not match.';
  if (claim === 'iss') return 'Issuer validation failed. Issuer did not match.';
  if (claim === 'nbf') return 'Lifetime validation failed. The token is not yet valid.';
  return 'Signature validation failed.';
}

/** The address within this account; undefined when it is not in this account. */
function urlOf(target = ''): URL | undefined {
  if (!target.startsWith('/') || !URL.canParse(target, 'http://localhost')) return undefined;
  const url = new URL(target, 'http://localhost');
  try {
    return partsOf(url)[0]?.replace(/-secondary$/, '') === ACCOUNT ? url : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined: it is a key's signature. */
const tokenOf = (authorization: string) => /^bearer\b *(.*)$/i.exec(authorization)?.[1];

function signed({ signature }: Gate, { pathname, search }: URL): string {
  return `${pathname}${search}${search === '' ? '?' : '&'}${signature}`;
}

async function signBatch(gate: Gate, request: IncomingMessage): Promise<IncomingMessage | Refusal> {
  const text = await textOf(request);
  if (text === undefined) return TOO_LARGE;
  const body = await rewriteBatch(text, async ({ method, target, header }) => {
    const url = urlOf(target);
    const token = tokenOf(header('authorization') ?? '');
    if (url === undefined || token === undefined) return target;
    return (await refusalOf(gate, token, { method, url, header })) ? target : signed(gate, url);
  });
  return withBody(request, Buffer.from(body));
}

/** Undefined: it is larger than a batch may be. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BATCH_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BATCH_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The request with another body, since its own was read. */
function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders } = request;
  const headers = { ...request.headers, 'content-length': String(body.length) };
  delete headers['transfer-encoding'];
  const again = new IncomingMessage(request.socket);
  Object.assign(again, { method, url, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders, headers });
  again.push(body);
  again.push(null);
  again.complete = true;
  return again;
}
