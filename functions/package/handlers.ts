/**
 * Handles the packages of the caller's account. Without If-Match the last write replaces the whole package; with it, a
 * write succeeds only on the state that the caller read. Only its workflow changes a package of a delivery under way.
 */
import { checkReach, ownAccount } from '../../shared/auth/tenancy.ts';
import { summarizeHistory } from '../../shared/contracts/history.ts';
import type {
  deletePackage,
  getPackage,
  patchPackage,
  putPackage,
  summarizePackages,
} from '../../shared/contracts/packages.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { checkIfMatch, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { checkFree } from './claims.ts';
import { checkMaker, checkSameId, merged, packageView, restored, written } from './domain.ts';
import type { PackageRepository } from './repository.ts';
import type { PackageDocument } from './schemas.ts';

export interface PackageHandlers {
  readonly put: Handler<typeof putPackage>;
  readonly get: Handler<typeof getPackage>;
  readonly patch: Handler<typeof patchPackage>;
  readonly remove: Handler<typeof deletePackage>;
  readonly summary: Handler<typeof summarizePackages>;
}

export function createHandlers(repository: PackageRepository, deps: ServiceDeps): PackageHandlers {
  const known = async (accountId: string, packageId: string): Promise<Stored<PackageDocument>> => {
    const found = await repository.find(accountId, packageId);
    if (!found) throw new AppError('not_found', 'there is no such package');
    return found;
  };

  return {
    put: ({ params: { packageId }, query: { madeBy }, body }, call) => {
      const accountId = ownAccount(call.principal);
      checkMaker(call.principal, madeBy);
      checkSameId(packageId, body.id);
      const ifMatch = call.headers['if-match'];
      const mark = callMark(call, body);
      // A workflow's package is new, nearly always.
      const assumesNew = mark !== undefined && ifMatch === undefined;
      return withOptimisticRetry(async (attempt) => {
        const earlier = assumesNew && attempt === 1 ? undefined : await repository.find(accountId, packageId);
        if (earlier && isRepetition(earlier.item.call, mark))
          return { status: 204, headers: { etag: earlier.etag } };
        checkIfMatch(ifMatch, earlier?.etag);
        await checkFree(earlier?.item, madeBy, deps.call);
        const document = written({ packageId, accountId, body, madeBy }, earlier?.item, deps.now());
        const { item, etag } = await repository.save({ ...document, ...marked(mark) }, earlier?.etag);
        if (earlier) return { status: 204, headers: { etag } };
        return { status: 201, body: packageView(item), headers: { etag } };
      }, ifMatch);
    },

    get: async ({ params }, call) => {
      const { item, etag } = await known(ownAccount(call.principal), params.packageId);
      return { status: 200, body: packageView(item), headers: { etag } };
    },

    patch: ({ params: { packageId }, body }, call) => {
      const accountId = ownAccount(call.principal);
      checkSameId(packageId, body.id);
      const ifMatch = call.headers['if-match'];
      return withOptimisticRetry(async () => {
        const earlier = await known(accountId, packageId);
        checkIfMatch(ifMatch, earlier.etag);
        await checkFree(earlier.item, undefined, deps.call);
        const { item, etag } = await repository.save(merged(earlier.item, body), earlier.etag);
        return { status: 200, body: packageView(item), headers: { etag } };
      }, ifMatch);
    },

    remove: ({ params: { packageId }, query: { madeBy } }, call) => {
      const accountId = ownAccount(call.principal);
      checkMaker(call.principal, madeBy);
      const ifMatch = call.headers['if-match'];
      return withOptimisticRetry(async () => {
        const found = await repository.find(accountId, packageId);
        if (madeBy !== undefined && found?.item.claim?.deliveryId !== madeBy) return { status: 204 };
        if (!found) throw new AppError('not_found', 'there is no such package');
        checkIfMatch(ifMatch, found.etag);
        await checkFree(found.item, madeBy, deps.call);
        const before = madeBy === undefined ? undefined : restored(found.item);
        if (before) await repository.save(before, found.etag);
        else await repository.remove(accountId, packageId, found.etag);
        return { status: 204 };
      }, ifMatch);
    },

    summary: async ({ params: { ownerId }, query: { year, month } }, call) => {
      checkReach(call.principal, ownerId, 'there is no such account');
      const { body } = await deps.call(summarizeHistory, {
        params: { ownerId },
        query: { year, month },
        accountId: ownerId,
      });
      return { status: 200, body };
    },
  };
}
