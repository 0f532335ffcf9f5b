/** What the package service keeps, in `packages` (partition: account): the id is unique within the account. */
import type { PackageSize } from '../../shared/contracts/common.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

export interface PackageDocument {
  readonly id: string;
  readonly type: 'package';
  readonly accountId: string;
  readonly size: PackageSize;
  /** kg */
  readonly weight: number;
  readonly tag?: string;
  /** The workflow that made it, while nobody else has written it: its compensation may remove it. */
  readonly madeBy?: string;
  /** The workflow's call that wrote it last. */
  readonly call?: CallMark;
  readonly createdAt: string;
  /** `YYYY-MM` of createdAt. */
  readonly month: string;
}
