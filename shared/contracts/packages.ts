/** Package: the parcel of a delivery. Its id is unique within the account. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Id, Month, PackageSize, Tag, Weight } from './common.ts';

/** The original's document had the id in the body, too; it must equal the path's. */
export const PackageBody = z.strictObject({
  id: Id.optional(),
  size: PackageSize,
  weight: Weight,
  tag: Tag.optional(),
});
export const PackagePatch = z.strictObject({
  id: Id.optional(),
  size: PackageSize.optional(),
  weight: Weight.optional(),
  tag: Tag.nullable().optional(),
});
export const Package = z.object({
  id: Id,
  size: PackageSize,
  weight: z.number(),
  tag: z.string().optional(),
});
export type Package = z.output<typeof Package>;

const params = z.strictObject({ packageId: Id });
const members = ['customer', 'account-admin', 'service'] as const;

/**
 * `x-account-id` names the account when a service calls. `madeBy` is the delivery whose workflow claims the package; until
 * that delivery has ended, any other write and any removal is 409 `conflict`.
 */
export const putPackage = defineRoute({
  service: 'package',
  operation: 'putPackage',
  method: 'PUT',
  path: 'packages/{packageId}',
  summary: 'Create or replace a package',
  auth: members,
  params,
  query: z.strictObject({ madeBy: Id.optional() }),
  body: PackageBody,
  versioned: true,
  responses: { 201: Package, 204: null },
});

export const getPackage = defineRoute({
  service: 'package',
  operation: 'getPackage',
  method: 'GET',
  path: 'packages/{packageId}',
  summary: 'Get a package of the account',
  auth: members,
  params,
  versioned: true,
  responses: { 200: Package },
});

export const patchPackage = defineRoute({
  service: 'package',
  operation: 'patchPackage',
  method: 'PATCH',
  path: 'packages/{packageId}',
  summary: 'Change some fields of a package (RFC 7396)',
  auth: members,
  params,
  body: PackagePatch,
  contentType: 'application/merge-patch+json',
  versioned: true,
  responses: { 200: Package },
});

/**
 * With `madeBy`, the package is restored to its state before that delivery's workflow claimed it; without such a claim,
 * nothing changes, and the call succeeds. Without `madeBy`, 404 when there is no package.
 */
export const deletePackage = defineRoute({
  service: 'package',
  operation: 'deletePackage',
  method: 'DELETE',
  path: 'packages/{packageId}',
  summary: 'Remove a package',
  auth: members,
  params,
  query: z.strictObject({ madeBy: Id.optional() }),
  versioned: true,
  responses: { 204: null },
});

/** Counts the packages of completed deliveries, by the month of completion: no later write changes it. */
export const summarizePackages = defineRoute({
  service: 'package',
  operation: 'summarizePackages',
  method: 'GET',
  path: 'packages/summary/{ownerId}',
  summary: 'Get the total weight that an account’s completed deliveries carried in a month',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params: z.strictObject({ ownerId: Id }),
  query: z.strictObject(Month),
  responses: { 200: z.object({ totalWeight: z.number() }) },
});
