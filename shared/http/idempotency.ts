/**
 * The `Idempotency-Key` of a person's write, for every route that documents the header.
 *
 * I1 The same key with the same request is answered as the first time, and the handler does not run again.
 * I2 The same key with another request of the same caller is refused: 422 `idempotency_key_reused`.
 * I3 While the first request runs, a repetition is refused: 409 `request_in_progress`. A process that dies keeps its claim
 *    on the key for `CLAIM_SECONDS`; then a repetition runs.
 * I4 Only a success is kept. After a refusal or a failure the key is free again.
 * I5 A kept answer is sealed with the key itself, of which the store has a digest: a reader of the store reads no answer.
 * I6 A key belongs to its caller, and is forgotten after 24 hours.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '../auth/principal.ts';
import { canonicalHash } from '../canonical-hash.ts';
import { AppError } from '../errors.ts';
import { readJson } from '../read.ts';
import type { Log } from '../telemetry/log.ts';

export const KEY_TTL_SECONDS = 24 * 3600;
/** Longer than any handler runs: each call that one makes ends after 10 s at most. */
export const CLAIM_SECONDS = 60;
const MAX_KEY_LENGTH = 255;

/** An answer that is JSON or empty, as every write's is. */
const Answer = z.object({
  status: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.string().optional(),
});

/** An answer of the pipeline. */
interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

export interface KeyDocument {
  /** Digest of caller and key. */
  readonly id: string;
  /** Digest of the request. */
  readonly request: string;
  /** A claim ends then, answered or not. */
  readonly claimedUntil: string;
  /** Sealed; absent while the request runs. */
  readonly answer?: string;
  readonly ttl: number;
}

export interface StoredKey {
  readonly document: KeyDocument;
  readonly etag: string;
}

/** The methods of a store of keys; each rejects when the store cannot be reached. */
export interface KeyStore {
  /** Undefined: there is one with this id. */
  create(document: KeyDocument): Promise<StoredKey | undefined>;
  read(id: string): Promise<StoredKey | undefined>;
  /** Undefined: another request wrote it meanwhile, or it is gone. */
  replace(document: KeyDocument, etag: string): Promise<StoredKey | undefined>;
  remove(id: string, etag: string): Promise<void>;
}

export interface KeyedRequest {
  readonly key: string;
  readonly principal: Principal;
  /** All that makes the request another one: route, parameters, body, precondition. */
  readonly request: unknown;
}

export interface Idempotency {
  /** Runs `work` once for a key. @throws AppError `invalid_request`, `idempotency_key_reused`, `request_in_progress` */
  once(keyed: KeyedRequest, work: () => Promise<Response>): Promise<Response>;
}

export function createIdempotency(keys: KeyStore, now: () => Date, log: Log): Idempotency {
  /** The claim of this request, or the answer to an earlier one. */
  const claim = async (
    id: string,
    request: string,
    open: (answer: string) => Response,
  ): Promise<StoredKey | Response> => {
    const claimedUntil = new Date(now().getTime() + CLAIM_SECONDS * 1000).toISOString();
    const document: KeyDocument = { id, request, claimedUntil, ttl: KEY_TTL_SECONDS };
    const created = await keys.create(document);
    if (created) return created;
    const known = await keys.read(id);
    if (known && known.document.request !== request) throw reused();
    if (known?.document.answer !== undefined) return open(known.document.answer);
    const isOver = known && known.document.claimedUntil <= now().toISOString();
    const taken = isOver ? await keys.replace(document, known.etag) : undefined;
    if (!taken) throw inProgress();
    return taken;
  };

  /** The answer is on its way to the client in any case. */
  const unlessAway = async (write: Promise<unknown>): Promise<void> => {
    await write.catch((error: unknown) => log.warn({ err: error }, 'an idempotency key was not written'));
  };

  return {
    once: async ({ key, principal, request }, work) => {
      if (key.length > MAX_KEY_LENGTH) throw tooLong();
      const caller = [principal.accountId ?? '', principal.subject];
      const id = createHash('sha256')
        .update(JSON.stringify([...caller, key]))
        .digest('hex');
      const seal = sealing(key, id);
      const claimed = await claim(id, canonicalHash(request), seal.open);
      if ('status' in claimed) return claimed;
      const { document, etag } = claimed;
      let response: Response;
      try {
        response = await work();
      } catch (error) {
        await unlessAway(keys.remove(id, etag));
        throw error;
      }
      await unlessAway(keys.replace({ ...document, answer: seal.close(response) }, etag));
      return response;
    },
  };
}

/** AES-256-GCM: 12 bytes of nonce, 16 of tag, then the text; in Base64. */
function sealing(key: string, salt: string) {
  const secret = Buffer.from(hkdfSync('sha256', key, salt, 'idempotency answer', 32));
  return {
    close: ({ status, headers, body }: Response): string => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', secret, nonce);
      const text = JSON.stringify({ status, headers, body });
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open: (sealed: string): Response => {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      const answer = readJson(Answer, text);
      if (!answer.ok) throw new Error('a kept answer cannot be read');
      return { ...answer.value, body: answer.value.body };
    },
  };
}

function tooLong(): AppError {
  const message = `has more than ${MAX_KEY_LENGTH} characters`;
  const errors = [{ path: 'header.idempotency-key', message }];
  return new AppError('invalid_request', `header.idempotency-key: ${message}`, { errors });
}

function reused(): AppError {
  return new AppError('idempotency_key_reused', 'this Idempotency-Key was used for another request');
}

function inProgress(): AppError {
  return new AppError('request_in_progress', 'the first request with this Idempotency-Key still runs', {
    retryAfterSeconds: 1,
  });
}
