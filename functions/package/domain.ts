/** Pure rules of packages: whose, how a write and a merge change one, who may remove one. */
import type { z } from 'zod';
import { hasRole, type Principal } from '../../shared/auth/principal.ts';
import type { Package, PackageBody, PackagePatch } from '../../shared/contracts/packages.ts';
import { AppError } from '../../shared/errors.ts';
import type { PackageDocument } from './schemas.ts';

/** @throws AppError `forbidden`: only a workflow makes and removes packages in its own name */
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

/**
 * No compensation removes a package that another caller has written: `madeBy` stays only while the workflow that made it is the
 * only one that wrote it.
 */
export function written(write: Write, known: PackageDocument | undefined, now: Date): PackageDocument {
  const { packageId, accountId, body, madeBy } = write;
  const createdAt = known?.createdAt ?? now.toISOString();
  const mine = madeBy !== undefined && (known === undefined || known.madeBy === madeBy);
  return {
    id: packageId,
    type: 'package',
    accountId,
    size: body.size,
    weight: body.weight,
    ...(body.tag === undefined ? {} : { tag: body.tag }),
    ...(mine ? { madeBy } : {}),
    createdAt,
    month: createdAt.slice(0, 7),
  };
}

/** RFC 7396: absent stays, null goes. */
export function merged(known: PackageDocument, patch: z.output<typeof PackagePatch>): PackageDocument {
  const { madeBy: _madeBy, tag, ...rest } = known;
  const newTag = patch.tag === undefined ? tag : (patch.tag ?? undefined);
  return {
    ...rest,
    ...(patch.size === undefined ? {} : { size: patch.size }),
    ...(patch.weight === undefined ? {} : { weight: patch.weight }),
    ...(newTag === undefined ? {} : { tag: newTag }),
  };
}

export function packageView({ id, size, weight, tag }: PackageDocument): Package {
  return { id, size, weight, ...(tag === undefined ? {} : { tag }) };
}
