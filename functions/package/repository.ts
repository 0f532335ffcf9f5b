/** Packages in Cosmos, each account in its own partition. */
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import type { PackageDocument } from './schemas.ts';

export interface PackageRepository {
  find(accountId: string, packageId: string): Promise<Stored<PackageDocument> | undefined>;
  /** Without an etag it must be new. @throws WriteConflict, or AppError `not_found` */
  save(document: PackageDocument, etag: string | undefined): Promise<Stored<PackageDocument>>;
  /** False when there was no package. @throws WriteConflict */
  remove(accountId: string, packageId: string, etag: string): Promise<boolean>;
}

export function createPackageRepository(database: Database): PackageRepository {
  const store = database.store<PackageDocument>('packages');
  return {
    find: (accountId, packageId) => store.read(packageId, accountId),
    save: (document, etag) =>
      etag ? store.replace(document, document.accountId, etag) : store.create(document),
    remove: (accountId, packageId, etag) => store.remove(packageId, accountId, etag),
  };
}
