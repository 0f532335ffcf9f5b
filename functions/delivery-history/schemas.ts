/** The items of the container `history` (partition: account, then month of the end). */
import type { HistoryEntry } from '../../shared/contracts/history.ts';

export interface EntryDocument {
  readonly id: string;
  readonly type: 'entry';
  readonly accountId: string;
  /** `YYYY-MM` of the end. */
  readonly month: string;
  readonly endedAt: string;
  readonly stage: HistoryEntry['stage'];
  /** End, then id: unique, so a page ends at a definite place. */
  readonly sortKey: string;
  readonly entry: HistoryEntry;
}

/**
 * The place of a delivery's one entry. It is written first, and only once: an archive call that is repeated with another
 * time of the end, in another month, makes no second entry.
 */
export interface PlaceDocument {
  readonly id: string;
  readonly type: 'place';
  readonly accountId: string;
  readonly month: typeof PLACES;
  readonly entryMonth: string;
}

export const PLACES = 'places';
