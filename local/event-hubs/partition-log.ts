/**
 * Keeps the log of one partition: append-only segment files, acknowledged when on disk.
 *
 * L1 An append resolves when its records are on disk; appends that arrive during a write share the next one.
 * L2 Sequence numbers have no gap and are never used twice, even over restarts and retention, and if files were removed.
 * L3 A record that was torn by a crash is cut off at the start; everything before it is kept. If acknowledged records cannot be read
 *    or are missing, the log is not opened: the error names the file and the options.
 * L4 Memory holds 4 bytes per retained event; events are read from the file, which the operating system caches.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Commits, createCommits, type WriteStrategy } from './commits.ts';
import { type HighWaterMark, openHighWaterMark } from './high-water-mark.ts';
import {
  ADVICE,
  DamagedLog,
  encode,
  type NewEvent,
  SET_ASIDE,
  Segment,
  type StoredEvent,
} from './segment.ts';

export interface PartitionLogOptions {
  readonly dir: string;
  readonly now: () => number;
  /** Size at which a new file begins, bytes; default 64 MiB, or an eighth of `retentionBytes`. */
  readonly segmentBytes?: number;
  /** The oldest segments are removed when the log has more bytes, or when all of their events are older. */
  readonly retentionBytes?: number;
  readonly retentionMs?: number;
  /** Shared by the logs of one disk. */
  readonly commits?: Commits;
  /** Called with a line about the bytes that were cut off at the start. */
  readonly warn?: (line: string) => void;
}

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly resolve: (first: number) => void;
  readonly reject: (error: unknown) => void;
}

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const SEGMENTS_RETAINED = 8;

export class PartitionLog {
  private readonly options: PartitionLogOptions;
  private readonly commits: Commits;
  private readonly segmentBytes: number;
  private readonly mark: HighWaterMark;
  private readonly segments: Segment[] = [];
  private queue: Waiting[] = [];
  private writing = false;
  private idle: (() => void)[] = [];
  private readonly listeners = new Set<() => void>();
  private next = 0;
  private closed = false;
  /** Time of the newest event, ms since the epoch; 0: there never was one. */
  lastTime = 0;

  constructor(options: PartitionLogOptions) {
    this.options = options;
    const { dir, retentionBytes = Number.POSITIVE_INFINITY } = options;
    this.commits = options.commits ?? createCommits();
    this.segmentBytes =
      options.segmentBytes ?? Math.min(DEFAULT_SEGMENT_BYTES, Math.ceil(retentionBytes / SEGMENTS_RETAINED));
    mkdirSync(dir, { recursive: true });
    const names = readdirSync(dir)
      .filter((name) => name.endsWith('.log'))
      .toSorted();
    this.mark = openHighWaterMark(`${dir}.mark`);
    try {
      for (const [index, name] of names.entries()) this.open(join(dir, name), index === names.length - 1);
      this.checkEnd();
    } catch (error) {
      for (const segment of this.segments) segment.close();
      throw error;
    }
    if (this.segments.length === 0) this.begin(this.mark.next);
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

  /** Size of the retained events. */
  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private begin(first: number): void {
    const path = join(this.options.dir, `${String(first).padStart(16, '0')}.log`);
    this.segments.at(-1)?.cut();
    this.segments.push(new Segment(path, first));
    this.next = first;
  }

  private open(path: string, isLast: boolean): void {
    const first = Number(basename(path, '.log'));
    const before = this.segments.at(-1);
    if (before && first !== this.next && !this.isSetAside(this.next, first))
      throw new DamagedLog(
        `${before.path} is damaged: the events ${this.next} to ${first - 1} were acknowledged and are missing. ${ADVICE}`,
      );
    const segment = new Segment(path, first, { isLast, acknowledged: this.mark.next });
    if (segment.torn > 0)
      this.options.warn?.(`${path}: a torn record was cut (${segment.torn} bytes, never acknowledged)`);
    this.segments.push(segment);
    this.next = first + segment.count;
    this.lastTime = Math.max(this.lastTime, segment.lastTime);
  }

  /** Whether a file beginning within these numbers was set aside. */
  private isSetAside(from: number, to: number): boolean {
    return readdirSync(this.options.dir).some((name) => {
      const first = Number(basename(name, `.log${SET_ASIDE}`));
      return name.endsWith(`.log${SET_ASIDE}`) && first >= from && first < to;
    });
  }

  /** @throws DamagedLog where the newest file ends before the mark */
  private checkEnd(): void {
    const last = this.segments.at(-1);
    if (!last || this.next >= this.mark.next) return;
    if (this.isSetAside(this.next, this.mark.next)) return this.begin(this.mark.next);
    throw new DamagedLog(
      `${last.path} is damaged: the events ${this.next} to ${this.mark.next - 1} were acknowledged and are missing. ${ADVICE}`,
    );
  }

  /** Resolves to the first event's sequence number once all are on disk. */
  append(events: readonly NewEvent[]): Promise<number> {
    if (this.closed) return Promise.reject(new Error('the log is closed'));
    return new Promise((resolve, reject) => {
      this.queue.push({ events, resolve, reject });
      if (!this.writing) this.join();
    });
  }

  private join(): void {
    this.writing = true;
    this.commits.join((place) => this.flush(place));
  }

  private flush(place: WriteStrategy): void {
    const group = this.queue;
    this.queue = [];
    let segment: Segment;
    try {
      segment = this.current();
    } catch (error) {
      // The next file could not be created.
      this.commits.ended(0);
      for (const { reject } of group) reject(error);
      return this.ended();
    }
    const time = Math.max(this.options.now(), this.lastTime);
    const { bytes, starts } = encode(
      group.flatMap(({ events }) => events),
      this.next,
      time,
    );
    const begun = performance.now();
    segment.write(bytes, place, (error) => {
      this.commits.ended(performance.now() - begun);
      if (error) {
        segment.cut();
        for (const { reject } of group) reject(error);
      } else {
        segment.taken(bytes, starts, time);
        let first = this.next;
        this.next += starts.length;
        this.lastTime = time;
        this.mark.reached(this.next);
        for (const { events, resolve } of group) {
          resolve(first);
          first += events.length;
        }
        for (const listener of this.listeners) listener();
      }
      this.ended();
    });
  }

  /** A write has ended: the appends that have arrived meanwhile are the next. */
  private ended(): void {
    if (this.queue.length > 0) return this.join();
    this.writing = false;
    for (const done of this.idle.splice(0)) done();
  }

  private current(): Segment {
    const last = this.segments.at(-1) as Segment;
    if (last.bytes < this.segmentBytes) return last;
    this.begin(this.next);
    this.retain();
    return this.segments.at(-1) as Segment;
  }

  /** Removes segments that are too old or too many. */
  retain(): void {
    const { retentionBytes = Number.POSITIVE_INFINITY, retentionMs = Number.POSITIVE_INFINITY } =
      this.options;
    const oldest = this.options.now() - retentionMs;
    const newest = this.segments.at(-1) as Segment;
    // The last file of a quiet partition never fills: a new one begins, so that the old events can be removed.
    if (!this.writing && newest.count > 0 && newest.lastTime < oldest) this.begin(this.next);
    let total = this.bytes;
    while (this.segments.length > 1) {
      const [segment] = this.segments as [Segment];
      if (total <= retentionBytes && segment.lastTime >= oldest) return;
      total -= segment.bytes;
      segment.remove();
      this.segments.shift();
    }
  }

  /** Up to `count` events starting at `from`, or at the first retained one; fewer if they are large or another file begins. */
  read(from: number, count: number): StoredEvent[] {
    const start = Math.max(from, this.first);
    const index = this.segments.findLastIndex(({ first }) => first <= start);
    const segment = this.segments[index];
    if (!segment) return [];
    // After a file that was set aside, the numbers continue at a later one.
    const next = start >= segment.first + segment.count ? this.segments[index + 1] : undefined;
    return next ? next.read(next.first, count) : segment.read(start, count);
  }

  /** The first event enqueued after `time`; the next one's number when there is none. */
  sequenceAfter(time: number): number {
    let [low, high] = [this.first, this.next];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
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

  /** Waits until all appends are on disk. */
  async settled(): Promise<void> {
    if (this.writing) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.settled();
    for (const segment of this.segments) segment.close();
    this.mark.close();
  }
}
