/** Encodes where the next page of a query or feed begins, as a continuation token. ASCII, because it goes into a header. */
import { badRequest } from './errors.ts';
import type { Placed } from './query/execute.ts';
import type { Position } from './query/ordered.ts';
import type { After } from './rows.ts';
import type { ItemRow } from './store.ts';

/** Longest keys in a token, characters; for longer keys, rows are counted instead, because headers are short. */
const MAX_KEYS = 4_096;

export interface Start {
  /** Rows to leave out: of the document where the page begins, or of the whole query. */
  readonly skip: number;
  readonly after?: After;
  readonly behind?: Position & { readonly given: number };
}

/** A page begins within the rows of a document. */
export function tokenOf({ pk, n }: ItemRow, skip: number): string {
  return JSON.stringify({ pk: encoded(pk), n, ...(skip > 0 ? { skip } : {}) });
}

/** A page begins after a row. */
export function tokenBehind({ at, position }: Placed): string {
  if (!position) return JSON.stringify({ skip: at + 1 });
  const { keys, item, nth } = position;
  // JSON has no undefined, so each key is in its own array, which may be empty.
  const wrapped = keys.map((key) => (key === undefined ? [] : [key]));
  const text = encoded(JSON.stringify(wrapped));
  if (text.length > MAX_KEYS) return JSON.stringify({ skip: at + 1 });
  return JSON.stringify({ keys: text, item: String(item), nth, given: at + 1 });
}

/** @throws CosmosError 400 for a token that this server did not create */
export function startOf({ continuation }: { readonly continuation?: string | undefined }): Start {
  if (!continuation) return { skip: 0 };
  try {
    const token = JSON.parse(continuation) as Record<string, unknown>;
    return 'keys' in token ? behindOf(token) : afterOf(token);
  } catch {
    throw badRequest('the continuation token is not one of this server');
  }
}

function afterOf({ pk, n, skip = 0 }: Record<string, unknown>): Start {
  const rows = wholeNumber(skip);
  if (pk === undefined) return { skip: rows };
  return { skip: rows, after: { pk: decoded(pk), n: wholeNumber(n) } };
}

function behindOf({ keys, item, nth, given }: Record<string, unknown>): Start {
  const wrapped = JSON.parse(decoded(keys)) as unknown[][];
  return {
    skip: 0,
    behind: {
      keys: wrapped.map(([key]) => key),
      item: BigInt(String(item)),
      nth: wholeNumber(nth),
      given: wholeNumber(given),
    },
  };
}

function wholeNumber(value: unknown): number {
  if (!Number.isInteger(value)) throw new Error('no whole number');
  return value as number;
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decoded(value: unknown): string {
  if (typeof value !== 'string') throw new Error('no text');
  return Buffer.from(value, 'base64url').toString();
}
