/**
 * The log of one partition: append-only segment files, acknowledged after fdatasync.
 *
 * L1 An append resolves when its records are on disk; what waits meanwhile goes into the next write together.
 * L2 Sequence numbers have no gap and are never used twice, also over restarts and retention.
 * L3 A record that was torn by a crash is cut at start; everything before it is kept.
 * L4 Memory holds 4 bytes per retained event and the newest few megabytes of payload; older events are read from disk.
 */
import {
  closeSync,
  fdatasync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  unlinkSync,
  writev,
} from 'node:fs';
import { join } from 'node:path';
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

export interface PartitionLogOptions {
  readonly dir: string;
  readonly now: () => number;
  /** A new file begins after so many bytes. */
  readonly segmentBytes?: number;
  /** Oldest segments go when the log has more bytes, or when all of their events are older. */
  readonly retentionBytes?: number;
  readonly retentionMs?: number;
}

interface Segment {
  readonly path: string;
  readonly fd: number;
  readonly first: number;
  /** Where each record begins. */
  positions: Uint32Array;
  count: number;
  bytes: number;
  lastTime: number;
}

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly resolve: (first: number) => void;
  readonly reject: (error: unknown) => void;
}

/** length u32, crc u32, sequence u48, time u48, key length u16, key, message */
const HEAD = 22;
const NO_KEY = 0xffff;
const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const CACHE_BYTES = 2 * 1024 * 1024;

export class PartitionLog {
  private readonly options: PartitionLogOptions;
  private readonly segments: Segment[] = [];
  private cache: StoredEvent[] = [];
  private cachedBytes = 0;
  private queue: Waiting[] = [];
  private writing = false;
  private idle: (() => void)[] = [];
  private readonly listeners = new Set<() => void>();
  private next = 0;
  private closed = false;
  lastTime = 0;

  constructor(options: PartitionLogOptions) {
    this.options = options;
    mkdirSync(options.dir, { recursive: true });
    const names = readdirSync(options.dir)
      .filter((name) => name.endsWith('.log'))
      .toSorted();
    for (const name of names) this.open(join(options.dir, name), Number(name.slice(0, -4)));
    if (this.segments.length === 0) this.begin(0);
  }

  /** Sequence number of the oldest event that is kept; the next one's when there is none. */
  get first(): number {
    return this.segments[0]?.first ?? this.next;
  }

  /** Sequence number of the newest event; -1 when there never was one. */
  get last(): number {
    return this.next - 1;
  }

  get isEmpty(): boolean {
    return this.first === this.next;
  }

  private begin(first: number): void {
    const path = join(this.options.dir, `${String(first).padStart(16, '0')}.log`);
    this.segments.push({
      path,
      fd: openSync(path, 'a+'),
      first,
      positions: new Uint32Array(256),
      count: 0,
      bytes: 0,
      lastTime: 0,
    });
    this.next = first;
  }

  private open(path: string, first: number): void {
    const bytes = readFileSync(path);
    const fd = openSync(path, 'a+');
    const segment: Segment = {
      path,
      fd,
      first,
      positions: new Uint32Array(1024),
      count: 0,
      bytes: 0,
      lastTime: 0,
    };
    let at = 0;
    while (at + HEAD <= bytes.length) {
      const length = bytes.readUInt32LE(at);
      const end = at + 8 + length;
      if (
        length < HEAD - 8 ||
        end > bytes.length ||
        crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)
      )
        break;
      if (bytes.readUIntLE(at + 8, 6) !== first + segment.count) break;
      push(segment, at);
      segment.lastTime = bytes.readUIntLE(at + 14, 6);
      at = end;
    }
    if (at < bytes.length) ftruncateSync(fd, at);
    segment.bytes = at;
    this.segments.push(segment);
    this.next = first + segment.count;
    this.lastTime = Math.max(this.lastTime, segment.lastTime);
  }

  /** Resolves to the first event's sequence number once all are on disk. */
  append(events: readonly NewEvent[]): Promise<number> {
    if (this.closed) return Promise.reject(new Error('the log is closed'));
    return new Promise((resolve, reject) => {
      this.queue.push({ events, resolve, reject });
      if (!this.writing) this.flush();
    });
  }

  private flush(): void {
    const group = this.queue;
    this.queue = [];
    if (group.length === 0) {
      this.writing = false;
      for (const done of this.idle.splice(0)) done();
      return;
    }
    this.writing = true;
    const segment = this.current();
    const time = Math.max(this.options.now(), this.lastTime);
    const buffers: Buffer[] = [];
    const added: { event: StoredEvent; size: number }[] = [];
    let sequenceNumber = this.next;
    for (const { events } of group) {
      for (const { partitionKey, message } of events) {
        const head = record(sequenceNumber, time, partitionKey, message);
        buffers.push(head, message);
        added.push({
          event: { sequenceNumber, enqueuedTime: time, partitionKey, message },
          size: head.length + message.length,
        });
        sequenceNumber += 1;
      }
    }
    const failed = (error: unknown) => {
      ftruncateSync(segment.fd, segment.bytes);
      for (const { reject } of group) reject(error);
      this.flush();
    };
    write(segment.fd, buffers, (error) => {
      if (error) return failed(error);
      fdatasync(segment.fd, (syncError) => {
        if (syncError) return failed(syncError);
        let first = this.next;
        for (const { event, size } of added) {
          push(segment, segment.bytes);
          segment.bytes += size;
          this.remember(event);
        }
        this.next = sequenceNumber;
        this.lastTime = time;
        segment.lastTime = time;
        for (const { events, resolve } of group) {
          resolve(first);
          first += events.length;
        }
        for (const listener of this.listeners) listener();
        this.flush();
      });
    });
  }

  private current(): Segment {
    const last = this.segments.at(-1) as Segment;
    if (last.bytes < (this.options.segmentBytes ?? DEFAULT_SEGMENT_BYTES)) return last;
    this.begin(this.next);
    this.retain();
    return this.segments.at(-1) as Segment;
  }

  /** Lets go of segments that are too old or too many; the newest always stays. */
  retain(): void {
    const { retentionBytes = Number.POSITIVE_INFINITY, retentionMs = Number.POSITIVE_INFINITY } =
      this.options;
    const oldest = this.options.now() - retentionMs;
    let total = this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    while (this.segments.length > 1) {
      const [segment] = this.segments as [Segment];
      if (total <= retentionBytes && segment.lastTime >= oldest) return;
      total -= segment.bytes;
      closeSync(segment.fd);
      unlinkSync(segment.path);
      this.segments.shift();
    }
  }

  private remember(event: StoredEvent): void {
    this.cache.push(event);
    this.cachedBytes += event.message.length + 100;
    if (this.cachedBytes <= CACHE_BYTES * 2) return;
    while (this.cachedBytes > CACHE_BYTES)
      this.cachedBytes -= (this.cache.shift()?.message.length ?? 0) + 100;
  }

  /** Up to `count` events from `from` on. */
  read(from: number, count: number): StoredEvent[] {
    const cached = this.cache[0]?.sequenceNumber;
    if (cached !== undefined && from >= cached) return this.cache.slice(from - cached, from - cached + count);
    const segment = this.segments.findLast(({ first }) => first <= from);
    if (!segment) return [];
    const events: StoredEvent[] = [];
    const start = from - segment.first;
    for (let index = start; index < Math.min(segment.count, start + count); index++)
      events.push(this.readOne(segment, index));
    return events;
  }

  private readOne(segment: Segment, index: number): StoredEvent {
    const at = segment.positions[index] as number;
    const end = index + 1 < segment.count ? (segment.positions[index + 1] as number) : segment.bytes;
    const bytes = Buffer.allocUnsafe(end - at);
    readSync(segment.fd, bytes, 0, bytes.length, at);
    const keyLength = bytes.readUInt16LE(20);
    const keyEnd = keyLength === NO_KEY ? HEAD : HEAD + keyLength;
    return {
      sequenceNumber: bytes.readUIntLE(8, 6),
      enqueuedTime: bytes.readUIntLE(14, 6),
      partitionKey: keyLength === NO_KEY ? undefined : bytes.toString('utf8', HEAD, keyEnd),
      message: bytes.subarray(keyEnd),
    };
  }

  /** The first event enqueued after `time`; the next one's number when there is none. */
  sequenceAfter(time: number): number {
    let [low, high] = [this.first, this.next];
    while (low < high) {
      const middle = (low + high) >> 1;
      const [event] = this.read(middle, 1);
      if (event && event.enqueuedTime > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Waits until what was appended is on disk. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.writing) await new Promise<void>((resolve) => this.idle.push(resolve));
    for (const { fd } of this.segments) closeSync(fd);
  }
}

function push(segment: Segment, position: number): void {
  if (segment.count === segment.positions.length) {
    const grown = new Uint32Array(segment.count * 2);
    grown.set(segment.positions);
    segment.positions = grown;
  }
  segment.positions[segment.count++] = position;
}

function record(
  sequenceNumber: number,
  time: number,
  partitionKey: string | undefined,
  message: Buffer,
): Buffer {
  const key = partitionKey === undefined ? undefined : Buffer.from(partitionKey);
  const head = Buffer.allocUnsafe(HEAD + (key?.length ?? 0));
  head.writeUInt32LE(head.length - 8 + message.length, 0);
  head.writeUIntLE(sequenceNumber, 8, 6);
  head.writeUIntLE(time, 14, 6);
  head.writeUInt16LE(key?.length ?? NO_KEY, 20);
  key?.copy(head, HEAD);
  head.writeUInt32LE(crc32(message, crc32(head.subarray(8))), 4);
  return head;
}

/** writev takes at most IOV_MAX buffers, and may write less than it was given. */
const MOST_BUFFERS = 1000;

function write(fd: number, buffers: readonly Buffer[], done: (error: Error | null) => void): void {
  const [now, later] = [buffers.slice(0, MOST_BUFFERS), buffers.slice(MOST_BUFFERS)];
  writev(fd, now, (error, written) => {
    if (error) return done(error);
    const rest = unwritten(now, written);
    if (rest.length === 0 && later.length === 0) return done(null);
    write(fd, [...rest, ...later], done);
  });
}

function unwritten(buffers: readonly Buffer[], written: number): Buffer[] {
  let left = written;
  const rest: Buffer[] = [];
  for (const buffer of buffers) {
    if (left >= buffer.length) left -= buffer.length;
    else {
      rest.push(buffer.subarray(left));
      left = 0;
    }
  }
  return rest;
}
