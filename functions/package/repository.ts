/** Packages in Cosmos, each account in its own partition. */
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import type { PackageDocument } from './schemas.ts';

export interface PackageRepository {
  find(accountId: string, packageId: string): Promise<Stored<PackageDocument> | undefined>;
  /** Without an etag it must be new. @throws WriteConflict, or AppError `not_found` */
  save(document: PackageDocument, etag: string | undefined): Promise<Stored<PackageDocument>>;
  /** False when there was none. @throws WriteConflict */
  remove(accountId: string, packageId: string, etag: string): Promise<boolean>;
  /** kg */
  totalWeight(accountId: string, month: string): Promise<number>;
}

export function createPackageRepository(database: Database): PackageRepository {
  const store = database.store<PackageDocument>('packages');
  return {
    find: (accountId, packageId) => store.read(packageId, accountId),
    save: (document, etag) =>
      etag ? store.replace(document, document.accountId, etag) : store.create(document),
    remove: (accountId, packageId, etag) => store.remove(packageId, accountId, etag),
    totalWeight: async (accountId, month) => {
      const sql = 'SELECT VALUE SUM(c.weight) FROM c WHERE c.month = @month';
      const { items } = await store.query<number>(sql, { month }, { partitionKey: accountId });
      return typeof items[0] === 'number' ? items[0] : 0;
    },
  };
}
