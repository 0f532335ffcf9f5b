/** Pure rules of the history: partition and order of entries. */
import { sortKeyOf } from '../../shared/continuation.ts';
import type { HistoryEntry } from '../../shared/contracts/history.ts';
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
    sortKey: sortKeyOf(endedAt, id),
    entry: { ...entry, endedAt },
  };
}

/** One form for all times, so that texts sort like times. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}
