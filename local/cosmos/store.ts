/**
 * Stores databases, containers and items in SQLite.
 *
 * S1 A write is answered after its transaction is on disk (WAL, synchronous=FULL); writes that arrive together share one.
 * S2 Within that transaction each write is independent: one that fails leaves nothing behind, the others stay.
 * S3 A container's LSN only grows, even over restarts and deletes: a change feed's continuation never points past the end.
 * S4 An expired item does not exist for clients, whether it has been purged yet or not.
 * S5 Within a partition items are in the order of their creation (`n`); `epk` is the partition's place on the ring.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import { GroupCommit } from '../group-commit.ts';
import { type ChangeNotices, createChangeNotices } from './change-notices.ts';
import { badRequest } from './errors.ts';
import type { IndexingPolicy } from './query/indexing-policy.ts';
import { containerRid, databaseRid } from './rid.ts';

export interface ContainerDefinition {
  readonly id: string;
  readonly partitionKey: {
    readonly paths: readonly string[];
    readonly kind?: string;
    readonly version?: number;
  };
  readonly defaultTtl?: number;
  /** Absent: the service's default. */
  readonly indexingPolicy?: IndexingPolicy;
  readonly geospatialConfig?: { readonly type?: string };
  readonly uniqueKeyPolicy?: { readonly uniqueKeys?: readonly { readonly paths: readonly string[] }[] };
  readonly [other: string]: unknown;
}

export interface DatabaseRow {
  readonly number: number;
  readonly id: string;
  readonly rid: string;
  readonly etag: string;
  readonly ts: number;
}

export interface ContainerRow {
  readonly number: number;
  readonly database: DatabaseRow;
  readonly rid: string;
  definition: ContainerDefinition;
  etag: string;
  ts: number;
  /** Of the latest write. */
  lsn: number;
  nextItem: number;
}

export interface ItemRow {
  readonly pk: string;
  readonly id: string;
  readonly n: number;
  readonly lsn: number;
  readonly ts: number;
  readonly etag: string;
  /** The user's JSON text, without system properties. */
  readonly body: string;
}

interface SavedContainer {
  readonly number: number;
  readonly database: number;
  readonly definition: string;
  readonly etag: string;
  readonly ts: number;
  readonly lsn: number;
  readonly nextItem: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS databases (number INTEGER PRIMARY KEY, id TEXT UNIQUE, etag TEXT, ts INTEGER);
  CREATE TABLE IF NOT EXISTS containers (number INTEGER PRIMARY KEY, database INTEGER, id TEXT, definition TEXT, etag TEXT,
    ts INTEGER, lsn INTEGER, nextItem INTEGER, UNIQUE (database, id));
  CREATE TABLE IF NOT EXISTS items (c INTEGER, pk TEXT, id TEXT, n INTEGER, epk TEXT, lsn INTEGER, ts INTEGER, etag TEXT,
    expires INTEGER, body TEXT, PRIMARY KEY (c, pk, n)) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS byId ON items (c, pk, id);
  CREATE INDEX IF NOT EXISTS feed ON items (c, lsn, epk);
  CREATE INDEX IF NOT EXISTS expiry ON items (expires) WHERE expires IS NOT NULL;
  CREATE TABLE IF NOT EXISTS uniques (c INTEGER, pk TEXT, k TEXT, id TEXT, PRIMARY KEY (c, pk, k)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS uniquesOf ON uniques (c, pk, id);
`;

/** Version of the tables above; a file with another version is refused. */
const SCHEMA_VERSION = 2;

const PURGE_INTERVAL_MS = 30_000;
const PURGE_AT_ONCE = 2_000;
const KEPT_QUERIES = 200;

const uniqueKeysOf = ({ uniqueKeyPolicy }: ContainerDefinition) =>
  JSON.stringify((uniqueKeyPolicy?.uniqueKeys ?? []).map(({ paths }) => paths));

export class Store implements Disposable {
  readonly now: () => number;
  private readonly db: GroupCommit;
  private readonly databases = new Map<string, DatabaseRow>();
  private readonly containers = new Map<string, ContainerRow>();
  readonly notices: ChangeNotices = createChangeNotices();
  private readonly touched = new Set<ContainerRow>();
  private readonly saved = new Set<ContainerRow>();
  private readonly queries = new Map<string, StatementSync>();
  private readonly purge: NodeJS.Timeout;

  constructor(dataDir: string, now: () => number) {
    mkdirSync(dataDir, { recursive: true });
    this.now = now;
    const file = join(dataDir, 'cosmos.db');
    const fresh = !existsSync(file);
    this.db = new GroupCommit(file, fresh ? SCHEMA : '', {
      beforeCommit: () => this.saveCounters(),
      committed: () => this.announce(),
    });
    if (fresh) this.db.database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    const { user_version: version } = this.sql('PRAGMA user_version').get() as { user_version: number };
    if (version !== SCHEMA_VERSION) {
      this.db[Symbol.dispose]();
      throw new Error(
        `${file} was made by another version (${version}, not ${SCHEMA_VERSION}): delete it, or use another folder`,
      );
    }
    this.load();
    this.purge = setInterval(() => this.purgeExpired(), PURGE_INTERVAL_MS);
    this.purge.unref();
  }

  private load(): void {
    for (const row of this.sql('SELECT * FROM databases').all()) {
      const { ...database } = row as unknown as Omit<DatabaseRow, 'rid'>;
      this.databases.set(database.id, { ...database, rid: databaseRid(database.number) });
    }
    for (const row of this.sql('SELECT * FROM containers').all()) {
      const {
        number,
        database: owner,
        definition,
        etag,
        ts,
        lsn,
        nextItem,
      } = row as unknown as SavedContainer;
      const database = [...this.databases.values()].find((each) => each.number === owner);
      if (!database) continue;
      const parsed = JSON.parse(definition) as ContainerDefinition;
      const rid = containerRid(database.number, number);
      this.containers.set(`${database.id}/${parsed.id}`, {
        number,
        database,
        rid,
        definition: parsed,
        etag,
        ts,
        lsn,
        nextItem,
      });
    }
  }

  /** A statement that is prepared once. */
  sql(text: string): StatementSync {
    return this.db.sql(text);
  }

  /** A statement for the text of a query: their number is unbounded, so only the latest are kept. */
  sqlOfQuery(text: string): StatementSync {
    const known = this.queries.get(text);
    this.queries.delete(text);
    const statement = known ?? this.db.database.prepare(text);
    this.queries.set(text, statement);
    if (this.queries.size > KEPT_QUERIES) this.queries.delete(this.queries.keys().next().value as string);
    return statement;
  }

  /** Runs `work` in the next group commit; resolves once it is on disk. */
  write<T>(work: () => T): Promise<T> {
    return this.db.write(work);
  }

  private saveCounters(): void {
    for (const container of this.touched) {
      const { lsn, nextItem, number } = container;
      this.sql('UPDATE containers SET lsn = ?, nextItem = ? WHERE number = ?').run(lsn, nextItem, number);
      this.saved.add(container);
    }
    this.touched.clear();
  }

  private announce(): void {
    for (const { number } of this.saved) this.notices.announce(number);
    this.saved.clear();
  }

  private purgeExpired(): void {
    const seconds = Math.floor(this.now() / 1000);
    const due = this.sql('SELECT c, pk, id FROM items WHERE expires <= ? LIMIT ?').all(
      seconds,
      PURGE_AT_ONCE,
    );
    if (due.length === 0) return;
    const purged = this.write(() => {
      for (const { c, pk, id } of due as unknown as { c: number; pk: string; id: string }[]) {
        const { changes } = this.sql(
          'DELETE FROM items WHERE c = ? AND pk = ? AND id = ? AND expires <= ?',
        ).run(c, pk, id, seconds);
        if (changes === 0) continue;
        this.sql('DELETE FROM uniques WHERE c = ? AND pk = ? AND id = ?').run(c, pk, id);
      }
    });
    // Items that could not be purged now are still invisible (S4), and are purged at the next interval.
    purged.catch(() => undefined);
  }

  database(id: string): DatabaseRow | undefined {
    return this.databases.get(id);
  }

  listDatabases(): DatabaseRow[] {
    return [...this.databases.values()];
  }

  createDatabase(id: string, etag: string): DatabaseRow {
    const number = 1 + Math.max(0, ...[...this.databases.values()].map((each) => each.number));
    const ts = Math.floor(this.now() / 1000);
    this.sql('INSERT INTO databases VALUES (?, ?, ?, ?)').run(number, id, etag, ts);
    const database = { number, id, etag, ts, rid: databaseRid(number) };
    this.databases.set(id, database);
    return database;
  }

  dropDatabase(id: string): void {
    const database = this.databases.get(id);
    if (!database) return;
    for (const container of this.listContainers(id)) this.dropContainer(container);
    this.sql('DELETE FROM databases WHERE number = ?').run(database.number);
    this.databases.delete(id);
  }

  container(database: string, id: string): ContainerRow | undefined {
    return this.containers.get(`${database}/${id}`);
  }

  databaseByRid(rid: string): DatabaseRow | undefined {
    return [...this.databases.values()].find((each) => each.rid === rid);
  }

  containerByRid(rid: string): ContainerRow | undefined {
    return [...this.containers.values()].find((each) => each.rid === rid);
  }

  /** Number of items in a container, and the bytes of their JSON. */
  sizeOf({ number }: ContainerRow): { readonly count: number; readonly bytes: number } {
    const text =
      'SELECT COUNT(*) AS count, COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) AS bytes FROM items WHERE c = ?';
    return this.sql(text).get(number) as { count: number; bytes: number };
  }

  listContainers(database: string): ContainerRow[] {
    return [...this.containers.values()].filter((each) => each.database.id === database);
  }

  createContainer(database: DatabaseRow, definition: ContainerDefinition, etag: string): ContainerRow {
    const highest = this.sql('SELECT COALESCE(MAX(number), 0) AS n FROM containers').get() as { n: number };
    const number = highest.n + 1;
    const ts = Math.floor(this.now() / 1000);
    this.sql('INSERT INTO containers VALUES (?, ?, ?, ?, ?, ?, 0, 1)').run(
      number,
      database.number,
      definition.id,
      JSON.stringify(definition),
      etag,
      ts,
    );
    const rid = containerRid(database.number, number);
    const container = { number, database, rid, definition, etag, ts, lsn: 0, nextItem: 1 };
    this.containers.set(`${database.id}/${definition.id}`, container);
    return container;
  }

  replaceContainer(container: ContainerRow, definition: ContainerDefinition, etag: string): void {
    if (
      JSON.stringify(definition.partitionKey.paths) !==
      JSON.stringify(container.definition.partitionKey.paths)
    ) {
      throw badRequest('The partition key of a container cannot be changed');
    }
    if (uniqueKeysOf(definition) !== uniqueKeysOf(container.definition))
      throw badRequest(
        'The unique keys of a container cannot be changed: remove the container and create another one',
      );
    this.sql('UPDATE containers SET definition = ?, etag = ? WHERE number = ?').run(
      JSON.stringify(definition),
      etag,
      container.number,
    );
    if (definition.defaultTtl !== container.definition.defaultTtl) this.renewExpiries(container, definition);
    container.definition = definition;
    container.etag = etag;
  }

  /** A new default counts from each item's latest write. */
  private renewExpiries(container: ContainerRow, { defaultTtl }: ContainerDefinition): void {
    const off = defaultTtl === undefined || defaultTtl === null;
    this.sql(
      `UPDATE items SET expires = CASE WHEN ?1 THEN NULL
         ELSE CASE COALESCE(json_extract(body, '$.ttl'), ?2) WHEN -1 THEN NULL
         ELSE ts + COALESCE(json_extract(body, '$.ttl'), ?2) END END
       WHERE c = ?3`,
    ).run(off ? 1 : 0, defaultTtl ?? -1, container.number);
  }

  dropContainer(container: ContainerRow): void {
    for (const table of ['items', 'uniques'])
      this.sql(`DELETE FROM ${table} WHERE c = ?`).run(container.number);
    this.sql('DELETE FROM containers WHERE number = ?').run(container.number);
    this.containers.delete(`${container.database.id}/${container.definition.id}`);
  }

  /** The next LSN of a container; only within `write`. */
  nextLsn(container: ContainerRow): number {
    this.touched.add(container);
    container.lsn += 1;
    return container.lsn;
  }

  nextItem(container: ContainerRow): number {
    this.touched.add(container);
    return container.nextItem++;
  }

  [Symbol.dispose](): void {
    clearInterval(this.purge);
    this.notices[Symbol.dispose]();
    this.db[Symbol.dispose]();
  }
}
