/** Partition keys as texts, and the range that a key falls into. */
import { badRequest } from './errors.ts';
import { valueAt } from './items.ts';
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
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0)
    throw badRequest('a partition key is a primitive');
  return value;
}

export interface Range {
  readonly id: string;
  readonly min: string;
  readonly max: string;
}

/** The ranges of every container; bounds are effective partition keys as the SDK compares them. */
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

/** FNV-1a: only this server asks where a key lies. */
export function rangeOf(pk: PartitionKeyText, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < pk.length; at++) hash = Math.imul(hash ^ pk.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % count;
}
