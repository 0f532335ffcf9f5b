/**
 * Pure rules of packages.
 *
 * P1 A package belongs to at most one delivery under way; only that delivery's workflow writes or removes it.
 * P2 Compensation restores the state before the workflow: the earlier size, weight and tag, or no package.
 */
import type { z } from 'zod';
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import type { Package, PackageBody, PackagePatch } from '../../shared/contracts/packages.ts';
import { AppError } from '../../shared/errors.ts';
import type { Claim, PackageDocument } from './schemas.ts';

/** @throws AppError `forbidden`: only a service claims and compensates for a delivery */
export function checkMaker(principal: Principal, madeBy: string | undefined): void {
  if (madeBy === undefined || hasRole(principal, 'service')) return;
  throw new AppError('forbidden', 'madeBy is for services');
}

/** @throws AppError `invalid_request` */
export function checkSameId(packageId: string, id: string | undefined): void {
  if (id === undefined || id === packageId) return;
  const errors = [{ path: 'body.id', message: 'must be the id in the path' }];
  throw new AppError('invalid_request', 'body.id: must be the id in the path', { errors });
}

export interface Write {
  readonly packageId: string;
  readonly accountId: string;
  readonly body: z.output<typeof PackageBody>;
  readonly madeBy: string | undefined;
}

/** The package after a PUT. The caller has checked that no other delivery uses `known`. */
export function written(write: Write, known: PackageDocument | undefined, now: Date): PackageDocument {
  const { packageId, accountId, body, madeBy } = write;
  return {
    id: packageId,
    type: 'package',
    accountId,
    size: body.size,
    weight: body.weight,
    ...(body.tag === undefined ? {} : { tag: body.tag }),
    ...(madeBy === undefined ? {} : { claim: claimOf(madeBy, known) }),
    createdAt: known?.createdAt ?? now.toISOString(),
  };
}

function claimOf(deliveryId: string, known: PackageDocument | undefined): Claim {
  if (known?.claim?.deliveryId === deliveryId) return known.claim;
  if (!known) return { deliveryId, before: null };
  const { id: _id, ...before } = packageView(known);
  return { deliveryId, before };
}

/** RFC 7396: an absent field stays, null removes it. */
export function merged(known: PackageDocument, patch: z.output<typeof PackagePatch>): PackageDocument {
  const { claim: _claim, tag, ...rest } = known;
  const newTag = patch.tag === undefined ? tag : (patch.tag ?? undefined);
  return {
    ...rest,
    ...(patch.size === undefined ? {} : { size: patch.size }),
    ...(patch.weight === undefined ? {} : { weight: patch.weight }),
    ...(newTag === undefined ? {} : { tag: newTag }),
  };
}

/** The package after its delivery's compensation; undefined when it is to be removed (P2). */
export function restored(known: PackageDocument): PackageDocument | undefined {
  const { claim, size: _size, weight: _weight, tag: _tag, ...rest } = known;
  return claim?.before ? { ...rest, ...claim.before } : undefined;
}

export function packageView({ id, size, weight, tag }: PackageDocument): Package {
  return { id, size, weight, ...(tag === undefined ? {} : { tag }) };
}
