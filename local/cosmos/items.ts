/** The operations on one item; each must run inside a write of the store. */
import { DELETE_CHARGE, writeCharge } from './charges.ts';
import { badRequest, conflict, notFound, preconditionFailed } from './errors.ts';
import { createItemRows, type Document } from './item-rows.ts';
import { checkId } from './limits.ts';
import { type PartitionKeyText, partitionKeyOf } from './partition.ts';
import { applyPatch, type PatchOperation } from './patch.ts';
import type { Query } from './query/ast.ts';
import { parseCondition } from './query/parser.ts';
import { runQuery } from './query/run.ts';
import { itemRid } from './rid.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

export interface Written {
  readonly status: 200 | 201 | 204;
  readonly row?: ItemRow;
  /** Request units. */
  readonly charge: number;
}

export interface ItemStore {
  read(container: ContainerRow, pk: PartitionKeyText, id: string): ItemRow | undefined;
  create(container: ContainerRow, pk: PartitionKeyText, document: Document): Written;
  upsert(container: ContainerRow, pk: PartitionKeyText, document: Document, conditions: Conditions): Written;
  replace(
    container: ContainerRow,
    pk: PartitionKeyText,
    id: string,
    document: Document,
    conditions: Conditions,
  ): Written;
  patch(
    container: ContainerRow,
    pk: PartitionKeyText,
    id: string,
    body: { operations: readonly PatchOperation[]; condition?: string },
    conditions: Conditions,
  ): Written;
  remove(container: ContainerRow, pk: PartitionKeyText, id: string, conditions: Conditions): Written;
}

export function createItemStore(store: Store): ItemStore {
  const { read, save, remove } = createItemRows(store);

  const existing = (
    container: ContainerRow,
    pk: PartitionKeyText,
    id: string,
    { ifMatch }: Conditions,
  ): ItemRow => {
    const row = read(container, pk, id);
    if (!row) throw notFound(id);
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== row.etag) throw preconditionFailed();
    return row;
  };

  const create: ItemStore['create'] = (container, pk, document) => {
    checkId(document['id']);
    checkPartition(container, pk, document);
    if (read(container, pk, document['id'])) throw conflict();
    return written(201, save(container, pk, document, undefined));
  };

  return {
    read,
    create,
    upsert: (container, pk, document, conditions) => {
      checkId(document['id']);
      checkPartition(container, pk, document);
      const known = read(container, pk, document['id']);
      if (!known && conditions.ifMatch === undefined) return create(container, pk, document);
      if (!known) throw preconditionFailed();
      if (conditions.ifMatch !== undefined && conditions.ifMatch !== '*' && conditions.ifMatch !== known.etag)
        throw preconditionFailed();
      return written(200, save(container, pk, document, known));
    },
    replace: (container, pk, id, document, conditions) => {
      checkId(document['id']);
      if (document['id'] !== id) throw badRequest('The id of an item cannot be changed');
      checkPartition(container, pk, document);
      const known = existing(container, pk, id, conditions);
      return written(200, save(container, pk, document, known));
    },
    patch: (container, pk, id, { operations, condition }, conditions) => {
      const known = existing(container, pk, id, conditions);
      if (condition !== undefined && !holds(condition, withSystem(container, known)))
        throw preconditionFailed();
      const current = JSON.parse(known.body) as Document;
      const patched = applyPatch(current, operations, container.definition.partitionKey.paths);
      return written(200, save(container, pk, patched, known));
    },
    remove: (container, pk, id, conditions) => {
      existing(container, pk, id, conditions);
      remove(container, pk, id);
      return { status: 204, charge: DELETE_CHARGE };
    },
  };
}

const written = (status: 200 | 201, row: ItemRow): Written => ({
  status,
  row,
  charge: writeCharge(row.body.length, status === 200),
});

const conditions = new Map<string, Query>();
const CACHED_CONDITIONS = 200;

function holds(text: string, document: Document): boolean {
  let condition = conditions.get(text);
  if (!condition) {
    condition = parseCondition(text);
    if (conditions.size >= CACHED_CONDITIONS) conditions.clear();
    conditions.set(text, condition);
  }
  return runQuery(condition, { parameters: new Map(), documents: [document] }).length > 0;
}

/** The document as a client sees it. */
export function withSystem(container: ContainerRow, row: ItemRow, lsn = false): Document {
  const rid = itemRid(container.database.number, container.number, row.n);
  return {
    ...(JSON.parse(row.body) as Document),
    _rid: rid,
    _self: `dbs/${container.database.rid}/colls/${container.rid}/docs/${rid}/`,
    _etag: row.etag,
    _attachments: 'attachments/',
    _ts: row.ts,
    ...(lsn ? { _lsn: row.lsn } : {}),
  };
}

/** The same as JSON text, without parsing the body. */
export function textOf(container: ContainerRow, row: ItemRow): string {
  const rid = itemRid(container.database.number, container.number, row.n);
  const self = `dbs/${container.database.rid}/colls/${container.rid}/docs/${rid}/`;
  const head = row.body === '{}' ? '{' : `${row.body.slice(0, -1)},`;
  return `${head}"_rid":"${rid}","_self":"${self}","_etag":${JSON.stringify(row.etag)},"_attachments":"attachments/","_ts":${row.ts}}`;
}

function checkPartition(container: ContainerRow, pk: PartitionKeyText, document: Document): void {
  if (partitionKeyOf(container, document) !== pk) {
    throw badRequest(
      'PartitionKey extracted from document doesn’t match the one specified in the header.',
      1001,
    );
  }
}
