/**
 * Estimates request units by the published rules: reading 1 KB by its key costs 1, writing it 5.5, 100 KB about ten times
 * that; replacing costs twice as much as creating; a query costs 2.3 plus the documents that it reads. The real charge also
 * depends on indexes.
 *
 * https://learn.microsoft.com/azure/cosmos-db/request-units
 * https://learn.microsoft.com/azure/cosmos-db/optimize-cost-reads-writes
 */

const KILOBYTE = 1024;
const READ = 1;
const WRITE = 5.5;
const QUERY = 2.3;
/** For each kilobyte beyond the first: nine times the first kilobyte's cost over 99 kilobytes. */
const SHARE_OF_NEXT = 9 / 99;
const DOCUMENT_READ = 0.02;
/** Charge of a refused write, and of a throttled request. */
const REFUSED = 1.24;
const THROTTLED = 0.38;

const scaled = (base: number, bytes: number) =>
  base * (1 + Math.max(0, Math.ceil(bytes / KILOBYTE) - 1) * SHARE_OF_NEXT);

/** A point read, or a page of a feed. */
export const readCharge = (bytes: number) => scaled(READ, bytes);
/** `known`: the item was there before. */
export const writeCharge = (bytes: number, known: boolean) => scaled(WRITE, bytes) * (known ? 2 : 1);
export const DELETE_CHARGE = WRITE;
/** `read`: documents that were examined. */
export const queryCharge = (bytes: number, read: number) =>
  QUERY + scaled(READ, bytes) - READ + read * DOCUMENT_READ;

export function failureCharge(status: number): number {
  if (status === 429) return THROTTLED;
  if (status === 401 || status === 403 || status >= 500) return 0;
  return status === 409 || status === 412 ? REFUSED : READ;
}
