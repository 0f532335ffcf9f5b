/** The items of the containers `deadLetters` (partition: hub, day) and `workItems` (partition: delivery). */
import type { DeadLetter, WorkItem } from '../../shared/contracts/supervisor.ts';

export interface LetterDocument extends DeadLetter {
  readonly type: 'letter';
  readonly sortKey: string;
  readonly ttl: number;
  /** An operator is replaying it; until this time no other may. */
  readonly claimedUntil?: string;
}

/** The place of a dead letter, written first and only once: a repetition on the next day makes no second one. */
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
  /** The operator's decision: after `retry` the same problem opens it again, after `close` it does not. */
  readonly settledBy?: 'retry' | 'close';
}

/** The count of rounds in a row that found the same workflow or orphan. */
export interface WatchDocument {
  readonly id: string;
  readonly type: 'watch';
  readonly deliveryId: string;
  /** As long as this stays the same, nothing has moved. */
  readonly mark: string;
  readonly rounds: number;
  readonly lastAt: string;
}
