/**
 * Reads the point at which a client resumes an ordered query: `{"value": [keys], "rid": "…", "exclude": true}`, as .NET's SDK sends it.
 * Rows before those keys are left out. Of rows with equal keys, `exclude` leaves out all, otherwise those before `rid`.
 */
import { badRequest, notSupported } from '../errors.ts';
import { itemNumber } from '../rid.ts';
import { typeOf } from './values.ts';

export interface Resume {
  readonly keys: readonly unknown[];
  /** The item's number. */
  readonly from?: bigint;
  readonly exclude: boolean;
}

/** @throws CosmosError 400 */
export function readResume(filter: unknown): Resume | undefined {
  if (filter === undefined || filter === null) return undefined;
  const { value, rid, exclude } = filter as { value?: unknown; rid?: unknown; exclude?: unknown };
  if (!Array.isArray(value) || (rid !== undefined && typeof rid !== 'string'))
    throw badRequest('the resume filter of the query has no keys, or a resource id that is none');
  return {
    keys: value.map(keyOf),
    exclude: exclude === true,
    ...(rid === undefined ? {} : { from: numberOf(rid) }),
  };
}

function numberOf(rid: string): bigint {
  try {
    return itemNumber(rid);
  } catch {
    throw badRequest('the resource id of the resume filter is none of an item');
  }
}

/** An empty array stands for undefined; arrays and objects are sent as hashes, which say nothing of their order here. */
function keyOf(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return undefined;
  if (['array', 'object'].includes(typeOf(value)))
    throw notSupported('going on within a query that is ordered by arrays or objects');
  return value;
}

/** `order` of a row's keys to those of the filter; `number` and `sign` of the row's item in the order of equal keys. */
export function isAfter(order: number, number: bigint, { from, exclude }: Resume, sign: number): boolean {
  if (order !== 0) return order > 0;
  return !exclude && (from === undefined || number >= from * BigInt(sign));
}
