/** The items of the container `packages` (partition: account): the id is unique within the account. */
import type { Package } from '../../shared/contracts/packages.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

export interface PackageDocument extends Package {
  readonly type: 'package';
  readonly accountId: string;
  readonly claim?: Claim;
  /** The mark of the workflow's call that wrote it last. */
  readonly call?: CallMark;
  readonly createdAt: string;
}

/** The delivery that the package belongs to. Its end is not recorded here: the next writer asks the scheduler. */
export interface Claim {
  readonly deliveryId: string;
  /** The package before the delivery's workflow wrote it; null when that workflow created it. */
  readonly before: Omit<Package, 'id'> | null;
}
