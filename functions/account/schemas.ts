/** The items of the container `accounts` (partition: account). */
import type { AccountAct } from '../../shared/contracts/accounts.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

export interface AccountDocument {
  readonly id: 'account';
  readonly type: 'account';
  readonly accountId: string;
  readonly name: string;
  readonly quota: number;
  readonly status: 'active' | 'suspended';
  /** Deliveries under way; changes only together with a hold. */
  readonly held: number;
  /** Deliveries carried out, by month (`YYYY-MM`): the basis of invoices. */
  readonly settled: Readonly<Record<string, number>>;
  readonly createdAt: string;
  /** The latest changes by operators, oldest first. */
  readonly audit?: readonly AccountAct[];
}

export interface UserDocument {
  /** See `userDocumentId`. */
  readonly id: `user-${string}`;
  readonly type: 'user';
  readonly accountId: string;
  readonly userId: string;
  readonly name: string;
  readonly role: 'customer' | 'account-admin';
  readonly email?: string;
  /** Set when the user was removed: the user's token may still be valid, but no longer grants rights here. */
  readonly removedAt?: string;
}

/** Kept after its end, so that a late repetition of the hold or of its end is recognized. */
export interface HoldDocument {
  readonly id: `hold-${string}`;
  readonly type: 'hold';
  readonly accountId: string;
  readonly deliveryId: string;
  readonly status: 'Held' | 'Released' | 'Settled';
  readonly userId?: string;
  readonly call?: CallMark;
  readonly at: string;
  readonly endedAt?: string;
}
