/** Idempotency keys in Cosmos, in one container for all services: a key belongs to its caller, for every route. */
import type { Database, Stored } from '../shared/cosmos/store.ts';
import { unlessConflict } from '../shared/cosmos/write-conflict.ts';
import type { KeyDocument, KeyStore, StoredKey } from '../shared/http/idempotency.ts';

export function createKeyStore(database: Database): KeyStore {
  const store = database.store<KeyDocument>('idempotencyKeys');
  const stored = (found: Stored<KeyDocument> | undefined): StoredKey | undefined =>
    found && { document: found.item, etag: found.etag };
  return {
    create: async (document) => stored(await unlessConflict(() => store.create(document), 'exists')),
    read: async (id) => stored(await store.read(id, id)),
    replace: async (document, etag) =>
      stored(await unlessConflict(() => store.replace(document, document.id, etag))),
    remove: async (id, etag) => {
      await unlessConflict(() => store.remove(id, id, etag));
    },
  };
}
