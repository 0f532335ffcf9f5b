/** Package: what is carried. The id is unique within the account. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Id, Month, PackageSize, Tag, Weight } from './common.ts';

/** The original's document had the id in the body, too; it must be the path's. */
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

/** `x-account-id` names the account when a service calls. `madeBy` is answered so that a compensation removes only what a workflow made. */
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
  honours: ['if-match'],
  responses: { 201: Package, 204: null },
});

export const getPackage = defineRoute({
  service: 'package',
  operation: 'getPackage',
  method: 'GET',
  path: 'packages/{packageId}',
  summary: 'A package of one’s account',
  auth: members,
  params,
  responses: { 200: Package },
});

export const patchPackage = defineRoute({
  service: 'package',
  operation: 'patchPackage',
  method: 'PATCH',
  path: 'packages/{packageId}',
  summary: 'Change some of a package (RFC 7396)',
  auth: members,
  params,
  body: PackagePatch,
  contentType: 'application/merge-patch+json',
  honours: ['if-match'],
  responses: { 200: Package },
});

/** With `madeBy`, only a package that this workflow made is removed; none is a success. Without it, 404 when there is none. */
export const deletePackage = defineRoute({
  service: 'package',
  operation: 'deletePackage',
  method: 'DELETE',
  path: 'packages/{packageId}',
  summary: 'Remove a package',
  auth: members,
  params,
  query: z.strictObject({ madeBy: Id.optional() }),
  honours: ['if-match'],
  responses: { 204: null },
});

export const summarizePackages = defineRoute({
  service: 'package',
  operation: 'summarizePackages',
  method: 'GET',
  path: 'packages/summary/{ownerId}',
  summary: 'Total weight of an account’s packages in a month',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params: z.strictObject({ ownerId: Id }),
  query: z.strictObject(Month),
  responses: { 200: z.object({ totalWeight: z.number() }) },
});
