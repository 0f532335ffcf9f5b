/**
 * Reads and writes one file of a partition's log: records one after the other, and an index of their positions.
 *
 * A record: length u32, crc u32, then (length counts from here) sequence u48, time u48, key length u16, key, message; all little-endian.
 *
 * F1 The records are followed by zeros, written ahead: a record that replaces zeros changes neither the size nor the map of blocks, and is
 *    on disk sooner. The zeros have no meaning, and are cut off when the file is full or closed.
 * F2 A start cuts everything after the last whole record: zeros silently, anything else as torn by a crash.
 * F3 The file is damaged, not torn by a crash, if acknowledged records follow the bad one: the file is not the last, the high-water mark is
 *    beyond it, or whole records of two writes follow. Then nothing is cut, and the file is not opened.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
  writev,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import type { WriteStrategy } from './commits.ts';

export interface StoredEvent {
  readonly sequenceNumber: number;
  /** ms since the epoch */
  readonly enqueuedTime: number;
  readonly partitionKey: string | undefined;
  /** The AMQP message as it was sent. */
  readonly message: Buffer;
}

export interface NewEvent {
  readonly partitionKey: string | undefined;
  readonly message: Buffer;
}

/** On Linux a write returns when it is on disk: one round trip to the thread pool instead of two. */
const SYNCS_ITSELF = process.platform === 'linux';
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | (SYNCS_ITSELF ? constants.O_DSYNC : 0);
const HEAD = 22;
const NO_KEY = 0xffff;
const READ_BYTES = 4 * 1024 * 1024;
/** A read returns at least one record, and at most this many bytes of further ones. */
const MAX_READ_BYTES = 512 * 1024;
/** Number of zeros ahead: as many bytes as the records have, within these bounds. */
const LEAST_AHEAD = 64 * 1024;
const MAX_AHEAD = 1024 * 1024;
const ZEROS: Buffer = Buffer.alloc(MAX_AHEAD);
const MAX_IN_PLACE = 128 * 1024;

/** Records of `events`, numbered from `first` on, in one buffer; and where each begins in it. */
export function encode(events: readonly NewEvent[], first: number, time: number) {
  const keys = events.map(({ partitionKey }) => partitionKey && Buffer.from(partitionKey));
  let size = 0;
  for (const [index, { message }] of events.entries())
    size += HEAD + (keys[index]?.length ?? 0) + message.length;
  const bytes = Buffer.allocUnsafe(size);
  const starts: number[] = [];
  let at = 0;
  for (const [index, { message, partitionKey }] of events.entries()) {
    const key = keys[index] || undefined;
    const keyLength = key?.length ?? 0;
    const end = at + HEAD + keyLength + message.length;
    starts.push(at);
    bytes.writeUInt32LE(end - at - 8, at);
    bytes.writeUIntLE(first + index, at + 8, 6);
    bytes.writeUIntLE(time, at + 14, 6);
    bytes.writeUInt16LE(partitionKey === undefined ? NO_KEY : keyLength, at + 20);
    key?.copy(bytes, at + HEAD);
    message.copy(bytes, at + HEAD + keyLength);
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, end)), at + 4);
    at = end;
  }
  return { bytes, starts };
}

/** Acknowledged records cannot be read; the message names them and the options. */
export class DamagedLog extends Error {
  override readonly name = 'DamagedLog';
}

export interface SegmentFacts {
  /** Whether no other file follows. */
  readonly isLast: boolean;
  /** Number of the first event that may not have been acknowledged. */
  readonly acknowledged: number;
}

/** A file with this suffix stays where it is, and is not read. */
export const SET_ASIDE = '.damaged';
export const ADVICE = `Restore the file from a copy; or set it aside by the ending ${SET_ASIDE}: its events are lost then, and numbers go on behind them.`;

const NEW_FILE: SegmentFacts = { isLast: true, acknowledged: 0 };
/** The greatest distance between a damaged record's number and those of its followers. */
const MAX_AHEAD_NUMBERS = 2 ** 24;

export class Segment {
  readonly path: string;
  readonly first: number;
  /** Bytes after the last whole record that were cut off when it was opened. */
  readonly torn: number = 0;
  count = 0;
  bytes = 0;
  lastTime = 0;
  private readonly fd: number;
  /** The file's size: records and zeros. */
  private allocated = 0;
  private positions = new Uint32Array(256);

  /**
   * Opens or creates the file; a record torn by a crash at its end is cut off.
   *
   * @throws DamagedLog
   */
  constructor(path: string, first: number, facts: SegmentFacts = NEW_FILE) {
    this.path = path;
    this.first = first;
    this.fd = openSync(path, OPEN_FLAGS);
    const size = fstatSync(this.fd).size;
    if (size > 0) this.load(size);
    this.torn = this.endOfContent(size) - this.bytes;
    if (this.torn > 0 && this.isDamaged(facts)) {
      closeSync(this.fd);
      const number = first + this.count;
      throw new DamagedLog(
        `${path} is damaged: the record of event ${number}, at byte ${this.bytes}, was acknowledged and cannot be read. ${ADVICE}`,
      );
    }
    if (size > this.bytes) this.cut();
    this.allocated = this.bytes;
  }

  private isDamaged({ isLast, acknowledged }: SegmentFacts): boolean {
    return !isLast || acknowledged > this.first + this.count || this.hasWritesBehind();
  }

  /** Whether whole records of two writes follow the unreadable bytes: a crash tears one write, and earlier writes were acknowledged. */
  private hasWritesBehind(): boolean {
    const bytes = Buffer.allocUnsafe(this.torn);
    readSync(this.fd, bytes, 0, bytes.length, this.bytes);
    const next = this.first + this.count;
    const times = new Set<number>();
    for (let at = 0; at + HEAD <= bytes.length && times.size < 2; ) {
      const ahead = bytes.readUIntLE(at + 8, 6) - next;
      const end = at + 8 + bytes.readUInt32LE(at);
      const isRecord =
        ahead >= 0 &&
        ahead < MAX_AHEAD_NUMBERS &&
        end >= at + HEAD &&
        end <= bytes.length &&
        crc32(bytes.subarray(at + 8, end)) === bytes.readUInt32LE(at + 4);
      if (isRecord) times.add(bytes.readUIntLE(at + 14, 6));
      at = isRecord ? end : at + 1;
    }
    return times.size > 1;
  }

  /** The position after which only zeros follow. */
  private endOfContent(size: number): number {
    let end = size;
    const buffer = Buffer.allocUnsafe(Math.min(size - this.bytes, MAX_AHEAD));
    while (end > this.bytes) {
      const start = Math.max(this.bytes, end - buffer.length);
      const bytes = buffer.subarray(0, readSync(this.fd, buffer, 0, end - start, start));
      if (!bytes.equals(ZEROS.subarray(0, bytes.length)))
        return start + 1 + bytes.findLastIndex((byte) => byte !== 0);
      end = start;
    }
    return end;
  }

  private load(size: number): void {
    let buffer = Buffer.allocUnsafe(Math.min(size, READ_BYTES));
    let kept = 0;
    let at = 0;
    for (;;) {
      const read = readSync(
        this.fd,
        buffer,
        kept,
        Math.min(buffer.length - kept, size - at - kept),
        at + kept,
      );
      const length = kept + read;
      const used = this.scan(buffer.subarray(0, length), at);
      if (used === undefined) return;
      at += used;
      kept = length - used;
      if (at + kept >= size) return;
      const left = buffer.subarray(used, length);
      // The record is longer than the buffer.
      if (used === 0) buffer = Buffer.concat([left], Math.min(size - at, buffer.length * 4));
      else left.copy(buffer);
    }
  }

  /** Indexes the whole records at the start of `bytes`, which is at `base`; undefined: here is an invalid one. */
  private scan(bytes: Buffer, base: number): number | undefined {
    let at = 0;
    while (at + HEAD <= bytes.length) {
      const length = bytes.readUInt32LE(at);
      const end = at + 8 + length;
      if (length < HEAD - 8) return undefined;
      if (end > bytes.length) return at;
      if (bytes.readUIntLE(at + 8, 6) !== this.first + this.count) return undefined;
      if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return undefined;
      this.push(base + at);
      this.lastTime = bytes.readUIntLE(at + 14, 6);
      this.bytes = base + end;
      at = end;
    }
    return at;
  }

  private push(position: number): void {
    if (this.count === this.positions.length) {
      const grown = new Uint32Array(this.count * 2);
      grown.set(this.positions);
      this.positions = grown;
    }
    this.positions[this.count++] = position;
  }

  /** Writes and syncs; readers see nothing of it before `taken`. It writes in place only short data that replaces zeros. */
  write(bytes: Buffer, place: WriteStrategy, done: (error: Error | null) => void): void {
    const hasRoom = this.bytes + bytes.length <= this.allocated;
    if (place === 'here' && SYNCS_ITSELF && hasRoom && bytes.length <= MAX_IN_PLACE)
      return done(this.writeHere(bytes));
    const ahead = Math.min(Math.max(this.bytes + bytes.length, LEAST_AHEAD), MAX_AHEAD);
    this.writeInPool(hasRoom ? [bytes] : [bytes, ZEROS.subarray(0, ahead)], this.bytes, done);
  }

  private writeHere(bytes: Buffer): Error | null {
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.fd, bytes, at, bytes.length - at, this.bytes + at);
      return null;
    } catch (error) {
      return error as Error;
    }
  }

  private writeInPool(
    [bytes, ...zeros]: readonly [Buffer, ...Buffer[]],
    at: number,
    done: (error: Error | null) => void,
  ): void {
    writev(this.fd, [bytes, ...zeros], at, (error, written) => {
      if (error) return done(error);
      this.allocated = Math.max(this.allocated, at + written);
      if (written < bytes.length)
        return this.writeInPool([bytes.subarray(written), ...zeros], at + written, done);
      if (SYNCS_ITSELF) return done(null);
      fdatasync(this.fd, done);
    });
  }

  /** Makes the written records part of the log. */
  taken(bytes: Buffer, starts: readonly number[], time: number): void {
    for (const start of starts) this.push(this.bytes + start);
    this.bytes += bytes.length;
    this.lastTime = time;
  }

  /** Cuts everything after the records: zeros, or the rest of a failed write. */
  cut(): void {
    ftruncateSync(this.fd, this.bytes);
    this.allocated = this.bytes;
  }

  /** Up to `count` events from sequence number `from` on, in one read. */
  read(from: number, count: number): StoredEvent[] {
    const begin = from - this.first;
    if (begin < 0 || begin >= this.count) return [];
    const start = this.positions[begin] as number;
    let last = begin + 1;
    while (last < this.count && last - begin < count && this.endOf(last) - start <= MAX_READ_BYTES) last++;
    const bytes = Buffer.allocUnsafeSlow(this.endOf(last - 1) - start);
    readSync(this.fd, bytes, 0, bytes.length, start);
    const events: StoredEvent[] = [];
    for (let index = begin; index < last; index++) {
      const at = (this.positions[index] as number) - start;
      events.push(eventOf(bytes.subarray(at, this.endOf(index) - start)));
    }
    return events;
  }

  private endOf(index: number): number {
    return index + 1 < this.count ? (this.positions[index + 1] as number) : this.bytes;
  }

  close(): void {
    this.cut();
    closeSync(this.fd);
  }

  remove(): void {
    closeSync(this.fd);
    unlinkSync(this.path);
  }
}

function eventOf(record: Buffer): StoredEvent {
  const keyLength = record.readUInt16LE(20);
  const keyEnd = keyLength === NO_KEY ? HEAD : HEAD + keyLength;
  return {
    sequenceNumber: record.readUIntLE(8, 6),
    enqueuedTime: record.readUIntLE(14, 6),
    partitionKey: keyLength === NO_KEY ? undefined : record.toString('utf8', HEAD, keyEnd),
    message: record.subarray(keyEnd),
  };
}
