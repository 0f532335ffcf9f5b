/**
 * Keeps Azurite's metadata as rows of a SQLite file, instead of LokiJS's single JSON file that is written every five seconds.
 *
 * R1 `commit` writes what changed since the last one, of all attached stores, in one transaction; it is on disk when
 *    `commit` returns. Its cost is that of the changes, not of the whole store.
 * R2 Rows are loaded within the store's own `init`, so before Azurite's garbage collector looks for extents that no
 *    blob refers to.
 * R3 A commit that fails leaves the changes marked, so that the next one writes them.
 * R4 Dates and bytes are restored as such. (As strings of JSON they would end every lease at a restart: Azurite compares
 *    them with dates.)
 * R5 The file belongs to one process: a second one that opens it fails.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { checkWal } from '../wal-check.ts';
import type { Loki, LokiCollection, LokiDocument, LokiStore } from './azurite-parts.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS collections (store TEXT, name TEXT, indices TEXT, uniques TEXT, max_id INTEGER,
    PRIMARY KEY (store, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS documents (store TEXT, collection TEXT, id INTEGER, body TEXT,
    PRIMARY KEY (store, collection, id)) WITHOUT ROWID;`;

interface Attached {
  readonly name: string;
  readonly db: Loki;
  /** The file's content by name; the object distinguishes a table from a dropped one with the same name. */
  readonly written: Map<string, { readonly collection: LokiCollection; readonly maxId: number }>;
}

export class MetadataRows implements Disposable {
  private readonly database: DatabaseSync;
  private readonly stores: Attached[] = [];
  private readonly statements: Record<
    'putCollection' | 'dropCollection' | 'dropDocuments' | 'put' | 'remove',
    StatementSync
  >;

  /** @throws Error `errcode` 5 (SQLITE_BUSY) when another process uses the file, 26 when it is not a database */
  constructor(file: string) {
    checkWal(file);
    this.database = new DatabaseSync(file);
    try {
      this.database.exec(
        `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SCHEMA}`,
      );
      // Takes the lock now: with EXCLUSIVE the first write keeps it until the end.
      this.database.exec('BEGIN IMMEDIATE; COMMIT');
    } catch (error) {
      this.database.close();
      throw error;
    }
    const prepare = (text: string) => this.database.prepare(text);
    this.statements = {
      putCollection: prepare('INSERT OR REPLACE INTO collections VALUES (?, ?, ?, ?, ?)'),
      dropCollection: prepare('DELETE FROM collections WHERE store = ? AND name = ?'),
      dropDocuments: prepare('DELETE FROM documents WHERE store = ? AND collection = ?'),
      put: prepare('INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)'),
      remove: prepare('DELETE FROM documents WHERE store = ? AND collection = ? AND id = ?'),
    };
  }

  /** Replaces the store's persistence; call before its `init`. */
  attach(name: string, store: LokiStore): void {
    const attached: Attached = { name, db: store.db, written: new Map() };
    store.db.isIncremental = true;
    store.db.persistenceAdapter = {
      mode: 'incremental',
      loadDatabase: (_file, done) => done(null),
      // LokiJS's timer saves changes outside of requests: the garbage collector's deletions.
      saveDatabase: (_file, _copy, done) => {
        try {
          this.commit();
          done();
        } catch (error) {
          done(error);
        }
      },
    };
    const init = store.init.bind(store);
    store.init = async () => {
      await init();
      this.load(attached);
      this.stores.push(attached);
      this.commit();
    };
  }

  /** @throws Error of SQLite, e.g. when the disk is full */
  commit(): void {
    const changed = this.stores.filter(isChanged);
    if (changed.length === 0) return;
    const done: (() => void)[] = [];
    this.database.exec('BEGIN IMMEDIATE');
    try {
      for (const store of changed) done.push(...this.write(store));
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
    for (const settle of done) settle();
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  private write({ name, db, written }: Attached): (() => void)[] {
    const done: (() => void)[] = [];
    const names = new Set(db.collections.map((collection) => collection.name));
    for (const gone of [...written.keys()].filter((known) => !names.has(known))) {
      this.drop(name, gone);
      done.push(() => written.delete(gone));
    }
    for (const collection of db.collections) {
      const before = written.get(collection.name);
      const isNew = before?.collection !== collection;
      if (!isNew && !collection.dirty) continue;
      if (isNew) this.drop(name, collection.name);
      if (isNew || before.maxId !== collection.maxId) this.describe(name, collection);
      const ids = isNew ? collection.data.map((document) => document.$loki) : new Set(collection.dirtyIds);
      for (const id of ids) this.writeDocument(name, collection, id);
      done.push(() => {
        written.set(collection.name, { collection, maxId: collection.maxId });
        collection.dirty = false;
        collection.dirtyIds = [];
      });
    }
    return done;
  }

  private writeDocument(store: string, collection: LokiCollection, id: number): void {
    const document = collection.get(id);
    if (document) this.statements.put.run(store, collection.name, id, encode(document));
    else this.statements.remove.run(store, collection.name, id);
  }

  private describe(store: string, { name, binaryIndices, uniqueNames, maxId }: LokiCollection): void {
    const indices = JSON.stringify(Object.keys(binaryIndices));
    this.statements.putCollection.run(store, name, indices, JSON.stringify(uniqueNames), maxId);
  }

  private drop(store: string, collection: string): void {
    this.statements.dropDocuments.run(store, collection);
    this.statements.dropCollection.run(store, collection);
  }

  private load({ name: store, db, written }: Attached): void {
    const collections = this.database.prepare('SELECT * FROM collections WHERE store = ?').all(store);
    const documents = this.database.prepare(
      'SELECT body FROM documents WHERE store = ? AND collection = ? ORDER BY id',
    );
    for (const row of collections) {
      const name = String(row['name']);
      const collection =
        db.getCollection(name) ??
        db.addCollection(name, {
          indices: JSON.parse(String(row['indices'])) as string[],
          unique: JSON.parse(String(row['uniques'])) as string[],
        });
      collection.data = documents.all(store, name).map(({ body }) => decode(String(body)));
      collection.maxId = Number(row['max_id']);
      collection.idIndex = null;
      collection.ensureId();
      collection.ensureAllIndexes(true);
      for (const field of collection.uniqueNames) collection.ensureUniqueIndex(field);
      collection.dirty = false;
      collection.dirtyIds = [];
      written.set(name, { collection, maxId: collection.maxId });
    }
  }
}

function isChanged({ db, written }: Attached): boolean {
  return (
    db.collections.length !== written.size ||
    db.collections.some(
      (collection) => collection.dirty || written.get(collection.name)?.collection !== collection,
    )
  );
}

/** Names with `$` are free: neither the metadata of blobs nor the properties of tables may have them. */
function encode(document: LokiDocument): string {
  return JSON.stringify(document, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    const original = this[key];
    if (original instanceof Date) return { $date: original.toISOString() };
    if (original instanceof Uint8Array) return { $bytes: Buffer.from(original).toString('base64') };
    return value;
  });
}

function decode(body: string): LokiDocument {
  return JSON.parse(body, (_key, value: { $date?: string; $bytes?: string } | null) => {
    if (typeof value?.$date === 'string') return new Date(value.$date);
    if (typeof value?.$bytes === 'string') return Buffer.from(value.$bytes, 'base64');
    return value;
  }) as LokiDocument;
}
