/** Pure rules of the history: partition and order of entries, limits of a search, continuation of a page. */
import { z } from 'zod';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
import { AppError } from '../../shared/errors.ts';
import { read } from '../../shared/read.ts';
import { type EntryDocument, PLACES, type PlaceDocument } from './schemas.ts';

export function placeOf(entry: HistoryEntry): PlaceDocument {
  const { deliveryId: id, owner } = entry;
  return {
    id,
    type: 'place',
    accountId: owner.accountId,
    month: PLACES,
    entryMonth: utc(entry.endedAt).slice(0, 7),
  };
}

export function documentOf(entry: HistoryEntry, month: string): EntryDocument {
  const { deliveryId: id, owner, stage } = entry;
  const endedAt = utc(entry.endedAt);
  return {
    id,
    type: 'entry',
    accountId: owner.accountId,
    month,
    endedAt,
    stage,
    sortKey: `${endedAt}|${id}`,
    entry: { ...entry, endedAt },
  };
}

/** One form for all times, so that texts sort like times. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}

/** Opaque to the caller: the last entry of the previous page. */
export function continuationOf(last: EntryDocument): string {
  return Buffer.from(last.sortKey).toString('base64url');
}

const SortKey = z.string().regex(/^\d{4}-\d\d-\d\dT[\d:.]+Z\|[A-Za-z0-9._~-]+$/);

/** @throws AppError `invalid_request` */
export function placeToGoOn(continuation: string): string {
  const result = read(SortKey, Buffer.from(continuation, 'base64url').toString());
  if (result.ok) return result.value;
  const errors = [{ path: 'query.continuation', message: 'is not a continuation token' }];
  throw new AppError('invalid_request', 'query.continuation: is not a continuation token', { errors });
}
