/** Resource ids as the SDK reads them: 4 bytes for a database, 8 for a container, 16 for an item; base64, `/` as `-`. */

const encode = (bytes: Buffer) => bytes.toString('base64').replaceAll('/', '-');

export function databaseRid(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return encode(bytes);
}

export function containerRid(database: number, number: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(database);
  bytes.writeUInt32BE((number | 0x80000000) >>> 0, 4);
  return encode(bytes);
}

/** Reused, since rows come in hundreds. */
const scratch = Buffer.alloc(16);

/** The item's part is little-endian: the SDK orders by it. */
export function itemRid(database: number, container: number, number: number): string {
  scratch.writeUInt32BE(database);
  scratch.writeUInt32BE((container | 0x80000000) >>> 0, 4);
  scratch.writeUInt32LE(number >>> 0, 8);
  scratch.writeUInt32LE(Math.floor(number / 2 ** 32), 12);
  return encode(scratch);
}

/** The item's part of its resource id. */
export function itemNumber(rid: string): bigint {
  return Buffer.from(rid.replaceAll('-', '/'), 'base64').readBigUInt64LE(8);
}
