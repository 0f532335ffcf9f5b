/** What the supervisor keeps: `deadLetters` (partition: hub, day) and `workItems` (partition: delivery). */
import type { DeadLetter, WorkItem } from '../../shared/contracts/supervisor.ts';

export interface LetterDocument extends DeadLetter {
  readonly type: 'letter';
  readonly sortKey: string;
  readonly ttl: number;
  /** An operator replays it now; another one waits until then. */
  readonly claimedUntil?: string;
}

/** Where a letter lies: written first and once, so that a repetition on the next day makes no second letter. */
export interface PlaceDocument {
  readonly id: string;
  readonly type: 'place';
  readonly hub: string;
  readonly day: typeof PLACES;
  readonly letterDay: string;
  readonly ttl: number;
}

export const PLACES = 'places';

export interface WorkItemDocument extends WorkItem {
  readonly type: 'work';
  readonly sortKey: string;
  /** Once it is settled; work that is open does not expire. */
  readonly ttl?: number;
  /** What the operator did: after `retry` the same trouble opens it again, after `close` it does not. */
  readonly settledBy?: 'retry' | 'close';
}

/** Something that a round found, and how often in a row. */
export interface WatchDocument {
  readonly id: string;
  readonly type: 'watch';
  readonly deliveryId: string;
  /** While it stays the same, nothing has moved. */
  readonly mark: string;
  readonly rounds: number;
  readonly lastAt: string;
}
