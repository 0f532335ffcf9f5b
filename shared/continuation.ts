/** Lists by pages, newest first. The continuation is opaque to the caller: the sort key of the last item that was shown. */
import { z } from 'zod';
import { AppError } from './errors.ts';
import { read } from './read.ts';

/** Unique, so that no item is shown twice or passed over, however many have the same time. */
export function sortKeyOf(time: string, id: string): string {
  return `${time}|${id}`;
}

const SortKey = z.string().regex(/^\d{4}-\d\d-\d\dT[\d:.]+Z\|[A-Za-z0-9._~-]+$/);

/** The sort key behind which the page begins. @throws AppError `invalid_request` */
export function sortKeyIn(continuation: string | undefined): string | undefined {
  if (continuation === undefined) return undefined;
  const result = read(SortKey, Buffer.from(continuation, 'base64url').toString());
  if (result.ok) return result.value;
  const errors = [{ path: 'query.continuation', message: 'is not a continuation token' }];
  throw new AppError('invalid_request', 'query.continuation: is not a continuation token', { errors });
}

/** The page of `limit` items, of which the store has given one more where there are more. */
export function pageOf<T extends { readonly sortKey: string }>(
  found: readonly T[],
  limit: number,
): { readonly items: readonly T[]; readonly next: { readonly continuation?: string } } {
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : undefined;
  const next = last ? { continuation: Buffer.from(last.sortKey).toString('base64url') } : {};
  return { items, next };
}
