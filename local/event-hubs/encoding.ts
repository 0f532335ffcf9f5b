/**
 * AMQP 1.0 on bytes: a batch is cut into its messages and a message is stamped with the broker's annotations without decoding
 * what is inside. http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html (1.6 type system),
 * amqp-core-messaging-v1.0-os.html (3.2 message format).
 *
 * E1 Nothing is read behind the end of a buffer: what is cut short or unknown throws `MalformedMessage`.
 * E2 `stamp` changes the annotations only; every other section stays byte for byte.
 */

export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`malformed AMQP message: ${what}`);
    this.name = 'MalformedMessage';
  }
}

const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  data: 0x75,
  footer: 0x78,
} as const;

interface Section {
  readonly code: number;
  /** Of the descriptor. */
  readonly start: number;
  /** Of the value behind the descriptor. */
  readonly value: number;
  readonly end: number;
}

/** End of the value that begins at `at`. */
function skip(bytes: Buffer, at: number): number {
  const code = bytes[at];
  if (code === undefined) throw new MalformedMessage('cut short');
  if (code === 0x00) return skip(bytes, skip(bytes, at + 1));
  const width = code >> 4;
  let end: number;
  if (width === 0x4) end = at + 1;
  else if (width >= 0x5 && width <= 0x9) end = at + 1 + 2 ** (width - 0x5);
  else if (width === 0xa || width === 0xc || width === 0xe) end = at + 2 + (bytes[at + 1] ?? Number.NaN);
  else if (width === 0xb || width === 0xd || width === 0xf)
    end = at + 5 + (at + 5 <= bytes.length ? bytes.readUInt32BE(at + 1) : Number.NaN);
  else throw new MalformedMessage(`unknown type 0x${code.toString(16)}`);
  if (!(end <= bytes.length)) throw new MalformedMessage('cut short');
  return end;
}

function* sections(bytes: Buffer): Generator<Section> {
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 0x00) throw new MalformedMessage('a section has no descriptor');
    const descriptor = at + 1;
    const value = skip(bytes, descriptor);
    const code =
      bytes[descriptor] === 0x53
        ? bytes[descriptor + 1]
        : bytes[descriptor] === 0x80
          ? bytes[descriptor + 8]
          : undefined;
    if (code === undefined) throw new MalformedMessage('a section has a descriptor that is no number');
    const end = skip(bytes, value);
    yield { code, start: at, value, end };
    at = end;
  }
}

/** Bytes of a binary value (vbin8, vbin32). */
function binary(bytes: Buffer, at: number, end: number): Buffer {
  if (bytes[at] === 0xa0) return bytes.subarray(at + 2, end);
  if (bytes[at] === 0xb0) return bytes.subarray(at + 5, end);
  throw new MalformedMessage('a data section holds no binary');
}

export interface Batch {
  readonly partitionKey: string | undefined;
  readonly messages: readonly Buffer[];
}

/** The messages of a batch (message format 0x80013700): one data section each. */
export function splitBatch(bytes: Buffer): Batch {
  const messages: Buffer[] = [];
  let partitionKey: string | undefined;
  for (const { code, value, end } of sections(bytes)) {
    if (code === SECTION.data) messages.push(binary(bytes, value, end));
    else if (code === SECTION.messageAnnotations) partitionKey = partitionKeyIn(bytes.subarray(value, end));
  }
  if (messages.length === 0) throw new MalformedMessage('a batch without a message');
  return { partitionKey, messages };
}

interface MapBytes {
  readonly count: number;
  readonly entries: Buffer;
}

function mapOf(bytes: Buffer): MapBytes {
  if (bytes[0] === 0xc1) return { count: bytes[2] ?? 0, entries: bytes.subarray(3) };
  if (bytes[0] === 0xd1) return { count: bytes.readUInt32BE(5), entries: bytes.subarray(9) };
  throw new MalformedMessage('annotations are no map');
}

const PARTITION_KEY = 'x-opt-partition-key';

/** The partition key among a message's annotations. */
export function partitionKeyOf(message: Buffer): string | undefined {
  for (const { code, value, end } of sections(message)) {
    if (code === SECTION.messageAnnotations) return partitionKeyIn(message.subarray(value, end));
    if (code > SECTION.messageAnnotations) return undefined;
  }
  return undefined;
}

function partitionKeyIn(map: Buffer): string | undefined {
  const { count, entries } = mapOf(map);
  let at = 0;
  for (let index = 0; index + 1 < count; index += 2) {
    const value = skip(entries, at);
    const end = skip(entries, value);
    if (text(entries, at, value) === PARTITION_KEY) return text(entries, value, end);
    at = end;
  }
  return undefined;
}

/** str8, str32, sym8, sym32 */
function text(bytes: Buffer, at: number, end: number): string | undefined {
  const code = bytes[at];
  if (code === 0xa1 || code === 0xa3) return bytes.toString('utf8', at + 2, end);
  if (code === 0xb1 || code === 0xb3) return bytes.toString('utf8', at + 5, end);
  return undefined;
}

const symbol = (name: string) =>
  Buffer.concat([Buffer.from([0xa3, name.length]), Buffer.from(name, 'ascii')]);
const SEQUENCE = symbol('x-opt-sequence-number');
const OFFSET = symbol('x-opt-offset');
const ENQUEUED = symbol('x-opt-enqueued-time');
const KEY = symbol(PARTITION_KEY);
const EMPTY: Buffer = Buffer.alloc(0);

export interface Stamp {
  readonly sequenceNumber: number;
  readonly offset: string;
  /** ms since the epoch */
  readonly enqueuedTime: number;
  readonly partitionKey: string | undefined;
}

function long(code: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = code;
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

function string(value: string): Buffer {
  const length = Buffer.byteLength(value);
  const head =
    length < 256
      ? Buffer.from([0xa1, length])
      : Buffer.from([0xb1, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]);
  return Buffer.concat([head, Buffer.from(value)]);
}

function annotationEntries(stamp: Stamp, hasKey: boolean): { count: number; entries: Buffer } {
  const parts = [
    SEQUENCE,
    long(0x81, stamp.sequenceNumber),
    OFFSET,
    string(stamp.offset),
    ENQUEUED,
    long(0x83, stamp.enqueuedTime),
  ];
  if (stamp.partitionKey !== undefined && !hasKey) parts.push(KEY, string(stamp.partitionKey));
  return { count: parts.length, entries: Buffer.concat(parts) };
}

/** The message as a receiver gets it. `before` goes in front as delivery annotations (the runtime metric). */
export function stamp(message: Buffer, annotations: Stamp, before: Buffer = EMPTY): Buffer {
  let header: Buffer = EMPTY;
  let known: MapBytes = { count: 0, entries: EMPTY };
  let rest = 0;
  for (const { code, start, value, end } of sections(message)) {
    if (code > SECTION.messageAnnotations) break;
    if (code === SECTION.header) header = message.subarray(start, end);
    else if (code === SECTION.messageAnnotations) known = mapOf(message.subarray(value, end));
    rest = end;
  }
  const hasKey = known.count > 0 && known.entries.includes(KEY);
  const added = annotationEntries(annotations, hasKey);
  const size = known.entries.length + added.entries.length + 4;
  const head = Buffer.allocUnsafe(12);
  head.set([0x00, 0x53, SECTION.messageAnnotations, 0xd1]);
  head.writeUInt32BE(size, 4);
  head.writeUInt32BE(known.count + added.count, 8);
  return Buffer.concat([header, before, head, known.entries, added.entries, message.subarray(rest)]);
}

/** Delivery annotations with the runtime metric of a partition. */
export function runtimeMetric(
  last: { sequenceNumber: number; offset: string; enqueuedTime: number },
  now: number,
): Buffer {
  const entries = Buffer.concat([
    symbol('last_enqueued_sequence_number'),
    long(0x81, last.sequenceNumber),
    symbol('last_enqueued_offset'),
    string(last.offset),
    symbol('last_enqueued_time_utc'),
    long(0x83, last.enqueuedTime),
    symbol('runtime_info_retrieval_time_utc'),
    long(0x83, now),
  ]);
  const head = Buffer.allocUnsafe(12);
  head.set([0x00, 0x53, SECTION.deliveryAnnotations, 0xd1]);
  head.writeUInt32BE(entries.length + 4, 4);
  head.writeUInt32BE(8, 8);
  return Buffer.concat([head, entries]);
}
