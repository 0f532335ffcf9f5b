/** A database whose writes are spans of the work under way. Reads are none: there are several for each write. */
import { inChildSpan } from '../telemetry/trace.ts';
import type { ContainerName } from './containers.ts';
import type { Database, Item, Store } from './store.ts';

export function traceDatabase(database: Database): Database {
  return { store: (name) => traceWrites(name, database.store(name)) };
}

function traceWrites<T extends Item>(container: ContainerName, store: Store<T>): Store<T> {
  const write = <R>(operation: string, work: () => Promise<R>) =>
    inChildSpan(
      `${operation} ${container}`,
      {
        kind: 'client',
        attributes: { 'db.operation.name': operation, 'db.collection.name': container },
      },
      work,
    );
  return {
    ...store,
    create: (item) => write('create', () => store.create(item)),
    replace: (item, key, etag) => write('replace', () => store.replace(item, key, etag)),
    upsert: (item) => write('upsert', () => store.upsert(item)),
    patch: (id, key, operations, options) => write('patch', () => store.patch(id, key, operations, options)),
    remove: (id, key, etag) => write('remove', () => store.remove(id, key, etag)),
    batch: (key, operations) => write('batch', () => store.batch(key, operations)),
  };
}
