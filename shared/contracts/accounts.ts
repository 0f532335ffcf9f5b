/** Account: businesses, their users and the quota that a delivery holds while it is under way. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import { Id, Time, UserId } from './common.ts';

export const AccountStatus = z.enum(['active', 'suspended']);

export const AccountBody = z.strictObject({
  name: z.string().min(1).max(200),
  /** Deliveries that may be under way at one time. */
  quota: z.number().int().min(1).max(100_000).default(100),
  status: AccountStatus.default('active'),
});

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
});
export type Account = z.output<typeof Account>;

export const User = z.object({
  id: UserId,
  name: z.string(),
  role: z.enum(['customer', 'account-admin']),
  email: z.string().optional(),
});

/** The host decodes every escape in a path but `%2F`, since a slash would end the segment. */
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
  summary: 'Register a business, or change it (suspend, reactivate, quota)',
  auth: ['operator'],
  params,
  body: AccountBody,
  responses: { 201: Account, 200: Account },
});

export const getAccount = defineRoute({
  service: 'account',
  operation: 'getAccount',
  method: 'GET',
  path: 'accounts/{accountId}',
  summary: 'A business',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
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
  responses: { 201: User, 200: User },
});

export const listUsers = defineRoute({
  service: 'account',
  operation: 'listUsers',
  method: 'GET',
  path: 'accounts/{accountId}/users',
  summary: 'The users of a business',
  auth: ['account-admin', 'operator'],
  params,
  responses: { 200: z.object({ users: z.array(User) }) },
});

/** The original's route: may this account ship? */
export const accountExists = defineRoute({
  service: 'account',
  operation: 'accountExists',
  method: 'GET',
  path: 'account/{accountId}',
  summary: 'true or false: may this account ship? (the original’s route)',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  params,
  responses: { 200: z.boolean() },
});

/** Idempotent per delivery. 403 `account_unknown`, `account_suspended`, `over_quota`; also when the user is not the account's. 409 `stale` when the hold has ended. */
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
