/** History entries in Cosmos. */
import type { Database } from '../../shared/cosmos/store.ts';
import { unlessConflict, WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { type EntryDocument, PLACES, type PlaceDocument } from './schemas.ts';

export interface Search {
  readonly accountId: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly stage?: string | undefined;
  /** Only entries after this sort key. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface HistoryRepository {
  /** The place that was written first. */
  claim(place: PlaceDocument): Promise<PlaceDocument>;
  /** False when there was one already. */
  create(document: EntryDocument): Promise<boolean>;
  find(accountId: string, deliveryId: string): Promise<EntryDocument | undefined>;
  /** For an operator, who names no account. */
  findAnywhere(deliveryId: string): Promise<EntryDocument | undefined>;
  /** Newest first. The condition on the account is the prefix of the partition key: the query reads only its partitions. */
  search(search: Search): Promise<readonly EntryDocument[]>;
  /** Total weight of the deliveries that were completed in the month (`YYYY-MM`), kg. */
  carriedWeight(accountId: string, month: string): Promise<number>;
}

export function createHistoryRepository(database: Database): HistoryRepository {
  const store = database.store<EntryDocument | PlaceDocument>('history');
  const place = async (accountId: string, deliveryId: string) =>
    (await store.read<PlaceDocument>(deliveryId, [accountId, PLACES]))?.item;

  return {
    claim: async (wanted) => {
      try {
        return (await store.create<PlaceDocument>(wanted)).item;
      } catch (error) {
        const known = error instanceof WriteConflict ? await place(wanted.accountId, wanted.id) : undefined;
        if (known) return known;
        throw error;
      }
    },
    create: async (document) => {
      return (await unlessConflict(() => store.create<EntryDocument>(document))) !== undefined;
    },
    find: async (accountId, deliveryId) => {
      const month = (await place(accountId, deliveryId))?.entryMonth;
      return month ? (await store.read<EntryDocument>(deliveryId, [accountId, month]))?.item : undefined;
    },
    findAnywhere: async (deliveryId) => {
      const sql = "SELECT * FROM c WHERE c.id = @deliveryId AND c.type = 'entry'";
      return (await store.query<EntryDocument>(sql, { deliveryId }, { limit: 1 })).items[0];
    },
    search: async ({ accountId, from, to, stage, after, limit }) => {
      const conditions = [
        "c.type = 'entry'",
        'c.accountId = @accountId',
        ...(from ? ['c.endedAt >= @from'] : []),
        ...(to ? ['c.endedAt < @to'] : []),
        ...(stage ? ['c.stage = @stage'] : []),
        ...(after ? ['c.sortKey < @after'] : []),
      ];
      const sql = `SELECT * FROM c WHERE ${conditions.join(' AND ')} ORDER BY c.sortKey DESC`;
      const given = Object.entries({ accountId, from, to, stage, after }).filter(([, value]) => value);
      return (await store.query<EntryDocument>(sql, Object.fromEntries(given), { limit })).items;
    },
    carriedWeight: async (accountId, month) => {
      const sql =
        "SELECT VALUE SUM(c.entry.package.weight) FROM c WHERE c.type = 'entry' AND c.entry.outcome.kind = 'completed'";
      const { items } = await store.query<number>(sql, {}, { partitionKey: [accountId, month] });
      return typeof items[0] === 'number' ? items[0] : 0;
    },
  };
}
