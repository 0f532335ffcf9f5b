/**
 * Checks SQLite's write-ahead log before SQLite opens it: from a log with a damaged frame, SQLite reads the part before it, and silently
 * ignores the committed transactions after it.
 *
 * G1 A log is damaged if frames of its own generation (by their salts) with the end of a second transaction follow the first frame with a
 *    wrong checksum: a crash tears only the last transaction. The same holds for a log with a wrong header.
 * G2 Nothing is changed, and a log that is still being written is not damaged: it is checked twice.
 * Source: https://www.sqlite.org/fileformat2.html#walformat
 */
import { readFileSync } from 'node:fs';

const HEAD_BYTES = 32;
const FRAME_HEAD_BYTES = 24;
const MAGIC = 0x37_7f_06_82;
const SECOND_LOOK_MS = 100;

/** @param database the file of the database. @throws Error in one line, when committed transactions in its log cannot be read */
export function checkWal(database: string): void {
  const file = `${database}-wal`;
  if (lostTransactions(file) === 0) return;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SECOND_LOOK_MS);
  const lost = lostTransactions(file);
  if (lost > 0)
    throw new Error(
      `${file} is damaged: at least ${lost} committed transactions behind the damage cannot be read. Restore it from a copy; or remove it, and go on without the transactions that are only there`,
    );
}

/** Number of transactions that ended after the first unreadable frame, without the one that a crash may have torn. */
export function lostTransactions(file: string): number {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return 0;
  }
  if (bytes.length < HEAD_BYTES + FRAME_HEAD_BYTES) return 0;
  const magic = bytes.readUInt32BE(0);
  const pageSize = bytes.readUInt32BE(8);
  const isBig = magic === MAGIC + 1;
  const head = sums([0, 0], bytes, 0, 24, isBig);
  const isHeadWhole =
    (magic === MAGIC || isBig) && head[0] === bytes.readUInt32BE(24) && head[1] === bytes.readUInt32BE(28);
  if (!isHeadWhole) return bytes.subarray(0, HEAD_BYTES).some((byte) => byte !== 0) ? 1 : 0;
  const salts = bytes.subarray(16, 24);
  let running: Sums = head;
  let isWhole = true;
  let ended = 0;
  for (
    let at = HEAD_BYTES;
    at + FRAME_HEAD_BYTES + pageSize <= bytes.length;
    at += FRAME_HEAD_BYTES + pageSize
  ) {
    const isOwn = bytes.subarray(at + 8, at + 16).equals(salts);
    if (isWhole && !isOwn) return 0;
    if (isWhole) {
      running = sums(running, bytes, at, 8, isBig);
      running = sums(running, bytes, at + FRAME_HEAD_BYTES, pageSize, isBig);
      isWhole = running[0] === bytes.readUInt32BE(at + 16) && running[1] === bytes.readUInt32BE(at + 20);
    }
    if (!isWhole && isOwn && bytes.readUInt32BE(at + 4) > 0) ended += 1;
  }
  return Math.max(0, ended - 1);
}

type Sums = readonly [number, number];

function sums([first, second]: Sums, bytes: Buffer, from: number, length: number, isBig: boolean): Sums {
  let [a, b] = [first, second];
  for (let at = from; at < from + length; at += 8) {
    a = (a + (isBig ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0;
    b = (b + (isBig ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0;
  }
  return [a, b];
}
