/**
 * Recognizes repeated calls of another service by their `Idempotency-Key`. The callee keeps the call's mark with its effect.
 *
 * K1 A repetition of the call that made the effect changes nothing, even if the effect has changed since.
 * K2 The same key with another body is refused: 422 `idempotency_key_reused`.
 * K3 This costs no request: the mark is written with the effect, and checked on the document that the callee reads anyway.
 */
import { createHash } from 'node:crypto';
import { hasRole } from '../auth/principal.ts';
import { AppError } from '../errors.ts';
import type { Call } from './pipeline.ts';

/** Part of the document that the call made or changed. */
export interface CallMark {
  readonly key: string;
  /** SHA-256 of the validated body, whose fields are in the schema's order. */
  readonly bodyHash: string;
}

/** Undefined for a call without a key, and for a customer's call: customers' keys belong to the account. */
export function callMark({ principal, headers }: Call, body: unknown): CallMark | undefined {
  const key = headers['idempotency-key'];
  if (!key || !hasRole(principal, 'service')) return undefined;
  return { key, bodyHash: createHash('sha256').update(JSON.stringify(body)).digest('hex') };
}

/** The field for the document; empty without a mark. */
export function marked(mark: CallMark | undefined): { readonly call?: CallMark } {
  return mark ? { call: mark } : {};
}

/** @throws AppError `idempotency_key_reused` */
export function isRepetition(known: CallMark | undefined, mark: CallMark | undefined): boolean {
  if (!known || known.key !== mark?.key) return false;
  if (known.bodyHash === mark.bodyHash) return true;
  throw new AppError('idempotency_key_reused', 'this Idempotency-Key was used with another body');
}
