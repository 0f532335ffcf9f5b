/** Stores, finds and removes the rows of items with their unique keys. Each call must be made inside a write of the store. */
import { randomUUID } from 'node:crypto';
import { CosmosError, conflict } from './errors.ts';
import { checkNesting, checkTtl } from './limits.ts';
import { epkOf, type PartitionKeyText, valueAt } from './partition.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

export type Document = Record<string, unknown>;

/** Largest size of a document, bytes of JSON. */
const MAX_ITEM_BYTES = 2 * 1024 * 1024;
const SYSTEM = ['_rid', '_self', '_etag', '_ts', '_attachments', '_lsn'];

export interface ItemRows {
  /** Undefined if there is none, or its time to live has expired. */
  read(container: ContainerRow, pk: PartitionKeyText, id: string): ItemRow | undefined;
  /** Writes a new item, or replaces a known one. @throws CosmosError 400, 409 or 413 */
  save(
    container: ContainerRow,
    pk: PartitionKeyText,
    document: Document,
    known: ItemRow | undefined,
  ): ItemRow;
  remove(container: ContainerRow, pk: PartitionKeyText, id: string): void;
}

export function createItemRows(store: Store): ItemRows {
  const seconds = () => Math.floor(store.now() / 1000);
  const rows: ItemRows = {
    read: (container, pk, id) =>
      store
        .sql(
          'SELECT pk, id, n, lsn, ts, etag, body FROM items WHERE c = ? AND pk = ? AND id = ? AND (expires IS NULL OR expires > ?)',
        )
        .get(container.number, pk, id, seconds()) as ItemRow | undefined,

    save: (container, pk, document, known) => {
      const plain = withoutSystem(document);
      const body = JSON.stringify(plain);
      if (Buffer.byteLength(body) > MAX_ITEM_BYTES) throw new CosmosError(413, 'Request size is too large');
      checkNesting(body);
      const id = document['id'] as string;
      claimUniques(store, rows, container, { pk, id, document: plain });
      const row: ItemRow = {
        pk,
        id,
        n: known?.n ?? store.nextItem(container),
        lsn: store.nextLsn(container),
        ts: seconds(),
        etag: `"${randomUUID()}"`,
        body,
      };
      write(store, container, row, { expires: expiryOf(container, plain, row.ts), isNew: !known });
      return row;
    },

    remove: (container, pk, id) => {
      store.sql('DELETE FROM items WHERE c = ? AND pk = ? AND id = ?').run(container.number, pk, id);
      store.sql('DELETE FROM uniques WHERE c = ? AND pk = ? AND id = ?').run(container.number, pk, id);
      store.nextLsn(container);
    },
  };
  return rows;
}

function write(
  store: Store,
  container: ContainerRow,
  { pk, id, n, lsn, ts, etag, body }: ItemRow,
  { expires, isNew }: { readonly expires: number | null; readonly isNew: boolean },
): void {
  const { number } = container;
  if (isNew)
    store
      .sql('INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(number, pk, id, n, epkOf(container, pk), lsn, ts, etag, expires, body);
  else
    store
      .sql(
        'UPDATE items SET lsn = ?, ts = ?, etag = ?, expires = ?, body = ? WHERE c = ? AND pk = ? AND n = ?',
      )
      .run(lsn, ts, etag, expires, body, number, pk, n);
}

/** Releases the item's unique keys, and takes those of its new document. @throws CosmosError 409 when another item has one of them */
function claimUniques(
  store: Store,
  { read }: ItemRows,
  container: ContainerRow,
  { pk, id, document }: { readonly pk: PartitionKeyText; readonly id: string; readonly document: Document },
): void {
  const policies = container.definition.uniqueKeyPolicy?.uniqueKeys ?? [];
  if (policies.length === 0) return;
  store.sql('DELETE FROM uniques WHERE c = ? AND pk = ? AND id = ?').run(container.number, pk, id);
  for (const [index, { paths }] of policies.entries()) {
    const key = JSON.stringify([index, ...paths.map((path) => valueAt(document, path) ?? null)]);
    const taken = store
      .sql('SELECT id FROM uniques WHERE c = ? AND pk = ? AND k = ?')
      .get(container.number, pk, key) as { id: string } | undefined;
    if (taken && read(container, pk, taken.id)) throw conflict('Unique index constraint violation.');
    store.sql('INSERT OR REPLACE INTO uniques VALUES (?, ?, ?, ?)').run(container.number, pk, key, id);
  }
}

function withoutSystem(document: Document): Document {
  const { ...plain } = document;
  for (const name of SYSTEM) delete plain[name];
  return plain;
}

/** Seconds since the epoch at which the item expires; null for never. */
function expiryOf(container: ContainerRow, document: Document, ts: number): number | null {
  const { defaultTtl } = container.definition;
  if (defaultTtl === undefined || defaultTtl === null) return null;
  const own = document['ttl'];
  checkTtl(own);
  const ttl = (own as number | undefined) ?? defaultTtl;
  return ttl === -1 ? null : ts + ttl;
}
