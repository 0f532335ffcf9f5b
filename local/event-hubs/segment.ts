/**
 * One file of a partition's log: records one after the other, and where each begins.
 *
 * A record: length u32, crc u32, then (length counts from here) sequence u48, time u48, key length u16, key, message; all little-endian.
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
  write as writeFile,
} from 'node:fs';
import { crc32 } from 'node:zlib';

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

/** There, a write itself returns when it is on disk: one trip to the thread pool instead of two. */
const SYNCS_ITSELF = process.platform === 'linux';
const OPEN_FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | (SYNCS_ITSELF ? constants.O_DSYNC : 0);
const HEAD = 22;
const NO_KEY = 0xffff;
const READ_BYTES = 4 * 1024 * 1024;
/** A read takes at least one record, and no more than so many bytes of further ones. */
const MOST_READ_BYTES = 512 * 1024;

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

export class Segment {
  readonly path: string;
  readonly first: number;
  /** Bytes behind the last whole record that were cut when it was opened. */
  readonly torn: number = 0;
  count = 0;
  bytes = 0;
  lastTime = 0;
  private readonly fd: number;
  private positions = new Uint32Array(256);

  /** Opens or makes the file; what a crash left of a record at its end is cut. */
  constructor(path: string, first: number) {
    this.path = path;
    this.first = first;
    this.fd = openSync(path, OPEN_FLAGS);
    const size = fstatSync(this.fd).size;
    if (size > 0) this.load(size);
    this.torn = size - this.bytes;
    if (this.torn > 0) ftruncateSync(this.fd, this.bytes);
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
      // A record that is longer than the buffer.
      if (used === 0) buffer = Buffer.concat([left], Math.min(size - at, buffer.length * 4));
      else left.copy(buffer);
    }
  }

  /** Takes in the whole records at the begin of `bytes`, which lies at `base`; undefined: here is one that is not. */
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

  /** Writes and syncs; nothing of it is seen before `taken`. */
  write(bytes: Buffer, done: (error: Error | null) => void): void {
    writeFile(this.fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error) return done(error);
      if (written < bytes.length) return this.write(bytes.subarray(written), done);
      if (SYNCS_ITSELF) return done(null);
      fdatasync(this.fd, done);
    });
  }

  /** What was written is part of the log from now on. */
  taken(bytes: Buffer, starts: readonly number[], time: number): void {
    for (const start of starts) this.push(this.bytes + start);
    this.bytes += bytes.length;
    this.lastTime = time;
  }

  /** Cuts what a failed write may have left. */
  cut(): void {
    ftruncateSync(this.fd, this.bytes);
  }

  /** Up to `count` events from sequence number `from` on, in one read. */
  read(from: number, count: number): StoredEvent[] {
    const begin = from - this.first;
    if (begin < 0 || begin >= this.count) return [];
    const start = this.positions[begin] as number;
    let last = begin + 1;
    while (last < this.count && last - begin < count && this.endOf(last) - start <= MOST_READ_BYTES) last++;
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
    closeSync(this.fd);
  }

  remove(): void {
    this.close();
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
