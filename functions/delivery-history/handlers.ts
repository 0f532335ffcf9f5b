/** Handles the history's routes: archive once, read, search, total. */
import { checkNamedOwner, checkReach, reachesAll } from '../../shared/auth/tenancy.ts';
import { pageOf, sortKeyIn } from '../../shared/continuation.ts';
import type {
  archiveDelivery,
  getHistoryEntry,
  searchHistory,
  summarizeHistory,
} from '../../shared/contracts/history.ts';
import { AppError } from '../../shared/errors.ts';
import { type Handler, invalid } from '../../shared/http/pipeline.ts';
import { documentOf, placeOf, utc } from './domain.ts';
import type { HistoryRepository } from './repository.ts';

export interface HistoryHandlers {
  readonly archive: Handler<typeof archiveDelivery>;
  readonly get: Handler<typeof getHistoryEntry>;
  readonly search: Handler<typeof searchHistory>;
  readonly summary: Handler<typeof summarizeHistory>;
}

export function createHandlers(repository: HistoryRepository): HistoryHandlers {
  return {
    archive: async ({ params, body }, call) => {
      if (body.deliveryId !== params.deliveryId) {
        throw invalid([{ path: 'body.deliveryId', message: 'must be the id in the path' }]);
      }
      checkNamedOwner(call.principal, body.owner.accountId, 'body.owner.accountId');
      const { entryMonth } = await repository.claim(placeOf(body));
      return { status: (await repository.create(documentOf(body, entryMonth))) ? 201 : 204 };
    },

    get: async ({ params: { deliveryId } }, { principal }) => {
      const { accountId } = principal;
      const own = accountId === undefined ? undefined : await repository.find(accountId, deliveryId);
      const found = own ?? (reachesAll(principal) ? await repository.findAnywhere(deliveryId) : undefined);
      if (!found) throw new AppError('not_found', 'there is no such entry');
      return { status: 200, body: found.entry };
    },

    search: async ({ query }, call) => {
      const { ownerId, from, to, stage, limit, continuation } = query;
      checkReach(call.principal, ownerId, 'there is no such account');
      const found = await repository.search({
        accountId: ownerId,
        from: from && utc(from),
        to: to && utc(to),
        stage,
        after: sortKeyIn(continuation),
        limit: limit + 1,
      });
      const { items, next } = pageOf(found, limit);
      return { status: 200, body: { entries: items.map(({ entry }) => entry), ...next } };
    },

    summary: async ({ params: { ownerId }, query: { year, month } }, call) => {
      checkReach(call.principal, ownerId, 'there is no such account');
      const totalWeight = await repository.carriedWeight(
        ownerId,
        `${year}-${String(month).padStart(2, '0')}`,
      );
      return { status: 200, body: { totalWeight } };
    },
  };
}
