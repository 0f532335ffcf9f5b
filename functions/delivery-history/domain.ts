/** Pure rules of the history: where an entry lies. */
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

/** One form for every time, so that text compares as time does. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}
