/** Converts partition keys to texts, and finds the range of a key. */
import { effectiveKey } from './epk.ts';
import { badRequest } from './errors.ts';
import { checkPartitionKeyValue } from './limits.ts';
import type { ContainerRow } from './store.ts';

/** JSON of the key's components; `{}` stands for undefined, as in the header. */
export type PartitionKeyText = string & { readonly brand?: 'partitionKey' };

export function partitionKeyOf(container: ContainerRow, document: unknown): PartitionKeyText {
  const { paths } = container.definition.partitionKey;
  return JSON.stringify(paths.map((path) => component(valueAt(document, path))));
}

/** From `x-ms-documentdb-partitionkey`. */
export function partitionKeyFrom(header: string): PartitionKeyText {
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch {
    throw badRequest('the partition key header is not JSON');
  }
  if (!Array.isArray(value)) throw badRequest('the partition key header is not an array');
  return JSON.stringify(value.map(component));
}

function component(value: unknown): unknown {
  if (value === undefined) return {};
  if (value !== null && typeof value === 'object') {
    if (!Array.isArray(value) && Object.keys(value).length === 0) return value;
    throw badRequest('a partition key is a primitive');
  }
  checkPartitionKeyValue(value);
  return value;
}

/** The key's place on the ring. */
export function epkOf(container: ContainerRow, pk: PartitionKeyText): string {
  return effectiveKey(JSON.parse(pk) as unknown[], container.definition.partitionKey.paths.length > 1);
}

/** The scope of a request: a partition, the partitions under the first levels of a key, a section of the ring, or everything. */
export interface Scope {
  readonly pk?: PartitionKeyText;
  /** The text that the keys of all partitions in the scope begin with. */
  readonly prefix?: string;
  readonly min?: string;
  readonly max?: string;
}

/** A key with fewer levels than the container's stands for all partitions below it. */
export function scopeOfKey(container: ContainerRow, pk: PartitionKeyText): Scope {
  const levels = (JSON.parse(pk) as unknown[]).length;
  const { length } = container.definition.partitionKey.paths;
  if (levels > length) throw badRequest('the partition key has more levels than the container');
  return levels < length ? { prefix: levels === 0 ? '[' : `${pk.slice(0, -1)},` } : { pk };
}

/** The value at `/a/b`; undefined if there is none. */
export function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const part of path.slice(1).split('/')) {
    const name = part.replace(/^"(.*)"$/, '$1');
    value =
      value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}

export interface Range {
  readonly id: string;
  readonly min: string;
  readonly max: string;
}

/** The ranges of every container; bounds are effective partition keys, the first two bits of which are never set. */
export function rangesOf(count: number): Range[] {
  const bound = (index: number) =>
    index === 0
      ? ''
      : index === count
        ? 'FF'
        : Math.floor((index * 0x40) / count)
            .toString(16)
            .toUpperCase()
            .padStart(2, '0')
            .padEnd(32, '0');
  return Array.from({ length: count }, (_, index) => ({
    id: String(index),
    min: bound(index),
    max: bound(index + 1),
  }));
}
