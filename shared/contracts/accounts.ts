/** Account: businesses, their users and the quota that a delivery holds while it is under way. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Id, integerText, Time, UserId } from './common.ts';

export const AccountStatus = z.enum(['active', 'suspended']);

export const AccountBody = z.strictObject({
  name: z.string().min(1).max(200),
  /** Deliveries that may be under way at the same time. A new account has 100; when absent, it stays as it is. */
  quota: z.int().min(1).max(100_000).optional(),
  /** A new account is active; when absent, it stays as it is. */
  status: AccountStatus.optional(),
  /** Why the status changes; kept in the audit. */
  reason: z.string().min(1).max(500).optional(),
});

export const AccountPatch = AccountBody.partial();

export const AccountAct = z.object({
  by: UserId,
  at: Time,
  action: z.enum(['registered', 'changed', 'suspended', 'reactivated']),
  reason: z.string().optional(),
  before: z.record(z.string(), z.unknown()),
  after: z.record(z.string(), z.unknown()),
});
export type AccountAct = z.output<typeof AccountAct>;

export const Account = z.object({
  id: Id,
  name: z.string(),
  quota: z.number().int(),
  status: AccountStatus,
  /** Deliveries under way. */
  held: z.number().int(),
  /** Deliveries carried out, by month (`YYYY-MM`). */
  settled: z.record(z.string(), z.number().int()).optional(),
  createdAt: Time,
  /** The latest changes, for operators. */
  audit: z.array(AccountAct).optional(),
});
export type Account = z.output<typeof Account>;

export const User = z.object({
  id: UserId,
  name: z.string(),
  role: z.enum(['customer', 'account-admin']),
  email: z.string().optional(),
});

/** The host decodes every escape in a path except `%2F`, since a slash would end the segment. */
const UserIdInPath = z
  .string()
  .max(1000)
  .transform((segment) => segment.replace(/%2F/gi, '/'))
  .pipe(UserId);

const params = z.strictObject({ accountId: Id });
const holdParams = z.strictObject({ accountId: Id, deliveryId: Id });

export const putAccount = defineRoute({
  service: 'account',
  operation: 'putAccount',
  method: 'PUT',
  path: 'accounts/{accountId}',
  summary: 'Register a business, or replace its name; quota and status stay as they are when absent',
  auth: ['operator'],
  params,
  body: AccountBody,
  versioned: true,
  responses: { 201: Account, 200: Account },
});

export const patchAccount = defineRoute({
  service: 'account',
  operation: 'patchAccount',
  method: 'PATCH',
  path: 'accounts/{accountId}',
  summary: 'Change some fields of a business (RFC 7396): suspend, reactivate, set its quota',
  auth: ['operator'],
  params,
  body: AccountPatch,
  contentType: 'application/merge-patch+json',
  versioned: true,
  responses: { 200: Account },
});

export const getAccount = defineRoute({
  service: 'account',
  operation: 'getAccount',
  method: 'GET',
  path: 'accounts/{accountId}',
  summary: 'Get a business',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
  versioned: true,
  responses: { 200: Account },
});

export const putUser = defineRoute({
  service: 'account',
  operation: 'putUser',
  method: 'PUT',
  path: 'accounts/{accountId}/users/{userId}',
  summary: 'Add a user to a business, or change one',
  auth: ['account-admin', 'operator'],
  params: z.strictObject({ accountId: Id, userId: UserIdInPath }),
  body: z.strictObject({
    name: z.string().min(1).max(200),
    role: z.enum(['customer', 'account-admin']).default('customer'),
    email: z.email().max(254).optional(),
  }),
  versioned: true,
  responses: { 201: User, 200: User },
});

export const getUser = defineRoute({
  service: 'account',
  operation: 'getUser',
  method: 'GET',
  path: 'accounts/{accountId}/users/{userId}',
  summary: 'Get a user of a business',
  auth: ['account-admin', 'operator'],
  params: z.strictObject({ accountId: Id, userId: UserIdInPath }),
  versioned: true,
  responses: { 200: User },
});

/** The user loses every right in the account at once, even with a token that is still valid. 404 when there is no such user. */
export const removeUser = defineRoute({
  service: 'account',
  operation: 'removeUser',
  method: 'DELETE',
  path: 'accounts/{accountId}/users/{userId}',
  summary: 'Remove a user from a business',
  auth: ['account-admin', 'operator'],
  params: z.strictObject({ accountId: Id, userId: UserIdInPath }),
  versioned: true,
  responses: { 204: null },
});

/** 403 `account_unknown`, `account_suspended` or `over_quota`, as `holdQuota` would answer now, but nothing is held. */
export const checkAdmission = defineRoute({
  service: 'account',
  operation: 'checkAdmission',
  method: 'GET',
  path: 'accounts/{accountId}/admission',
  summary: 'Check whether a user of a business may ship now',
  auth: ['service'],
  params,
  query: z.strictObject({ userId: UserId }),
  responses: { 200: z.object({ held: z.number().int(), quota: z.number().int() }) },
});

export const listUsers = defineRoute({
  service: 'account',
  operation: 'listUsers',
  method: 'GET',
  path: 'accounts/{accountId}/users',
  summary: 'List the users of a business',
  auth: ['account-admin', 'operator'],
  params,
  responses: { 200: z.object({ users: z.array(User) }) },
});

/** The route of the original. */
export const accountExists = defineRoute({
  service: 'account',
  operation: 'accountExists',
  method: 'GET',
  path: 'account/{accountId}',
  summary: 'Check whether an account may ship: true or false (the original’s route)',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
  responses: { 200: z.boolean() },
});

/** Idempotent per delivery. 403 `account_unknown`, `account_suspended`, `over_quota`, also when the user does not belong to the account. 409 `stale` when the hold has ended. */
export const holdQuota = defineRoute({
  service: 'account',
  operation: 'holdQuota',
  method: 'PUT',
  path: 'accounts/{accountId}/holds/{deliveryId}',
  summary: 'Hold quota for a delivery',
  auth: ['service'],
  params: holdParams,
  body: z.strictObject({ userId: UserId }),
  responses: { 200: z.object({ held: z.number().int() }), 201: z.object({ held: z.number().int() }) },
});

/** Current holds, oldest first: the supervisor compares them with the workflows. */
export const listHolds = defineRoute({
  service: 'account',
  operation: 'listHolds',
  method: 'GET',
  path: 'accountholds',
  summary: 'List the quota holds that were made before a time',
  auth: ['service'],
  query: z.strictObject({ before: Time, limit: integerText(1, 500).default(500) }),
  responses: {
    200: z.object({ holds: z.array(z.object({ accountId: Id, deliveryId: Id, at: Time })) }),
  },
});

/** Succeeds when there is nothing to release. `settled`: the delivery was carried out, so it counts for the invoice. */
export const releaseQuota = defineRoute({
  service: 'account',
  operation: 'releaseQuota',
  method: 'DELETE',
  path: 'accounts/{accountId}/holds/{deliveryId}',
  summary: 'Release, or settle, the quota that a delivery holds',
  auth: ['service'],
  params: holdParams,
  query: z.strictObject({ settled: z.enum(['true', 'false']).default('false') }),
  responses: { 204: null },
});
