/**
 * Works on encoded AMQP 1.0: cuts a batch into its messages, and stamps a message with the broker's annotations, without
 * decoding the content. http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html (1.6 type system),
 * amqp-core-messaging-v1.0-os.html (3.2 message format).
 *
 * E1 Nothing is read beyond the end of a buffer: a truncated or unknown value throws `MalformedMessage`.
 * E2 `stamp` changes the annotations only; every other section stays byte for byte.
 */
import {
  described,
  int,
  list,
  long,
  map,
  NULL,
  string,
  symbol,
  timestamp,
  ValueReader,
} from './amqp/values.ts';

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
  properties: 0x73,
  applicationProperties: 0x74,
  data: 0x75,
  sequence: 0x76,
  value: 0x77,
  footer: 0x78,
} as const;

interface Section {
  readonly code: number;
  /** Of the descriptor. */
  readonly start: number;
  /** Of the value after the descriptor. */
  readonly value: number;
  readonly end: number;
}

const MAX_DESCRIPTORS = 4;

/** End of the value that begins at `at`. */
function skip(bytes: Buffer, at: number, depth = 0): number {
  const code = bytes[at];
  if (code === undefined) throw new MalformedMessage('cut short');
  if (code === 0x00) {
    if (depth === MAX_DESCRIPTORS) throw new MalformedMessage('descriptors of descriptors');
    return skip(bytes, skip(bytes, at + 1, depth + 1), depth + 1);
  }
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

/** The section that begins at `at`. */
function sectionAt(bytes: Buffer, at: number): Section {
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
  return { code, start: at, value, end: skip(bytes, value) };
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
  for (let at = 0; at < bytes.length; ) {
    const { code, value, end } = sectionAt(bytes, at);
    at = end;
    if (code === SECTION.data) messages.push(binary(bytes, value, end));
    else if (code === SECTION.messageAnnotations) ({ partitionKey } = factsIn(bytes.subarray(value, end)));
  }
  if (messages.length === 0) throw new MalformedMessage('a batch without a message');
  return { partitionKey, messages };
}

interface MapBytes {
  readonly count: number;
  readonly entries: Buffer;
}

function mapOf(bytes: Buffer): MapBytes {
  if (bytes[0] === 0xc1 && bytes.length >= 3)
    return { count: bytes[2] as number, entries: bytes.subarray(3) };
  if (bytes[0] === 0xd1 && bytes.length >= 9)
    return { count: bytes.readUInt32BE(5), entries: bytes.subarray(9) };
  throw new MalformedMessage('annotations are no map');
}

interface Entry {
  readonly name: string | undefined;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

function* entriesOf({ count, entries }: MapBytes): Generator<Entry> {
  if (count % 2 !== 0 || count > entries.length) throw new MalformedMessage('a map that cannot be');
  let at = 0;
  for (let index = 0; index < count; index += 2) {
    const value = skip(entries, at);
    const end = skip(entries, value);
    yield { name: text(entries, at, value), start: at, value, end };
    at = end;
  }
  if (at !== entries.length) throw new MalformedMessage('a map that is longer than its entries');
}

const PARTITION_KEY = 'x-opt-partition-key';
const PRODUCER = /^com\.microsoft:producer-(id|epoch|sequence-number)$/;

/** The annotations of a producer that retries without duplicates. */
export interface Producing {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}

export interface MessageFacts {
  readonly partitionKey: string | undefined;
  readonly producing: Producing | undefined;
}

/** Checks a message's sections, and finds the fields that the broker needs. @throws MalformedMessage */
export function inspect(message: Buffer): MessageFacts {
  let facts: MessageFacts = { partitionKey: undefined, producing: undefined };
  let hasBody = false;
  let hasFooter = false;
  let before: number = SECTION.header - 1;
  for (let at = 0; at < message.length; ) {
    const { code, value, end } = sectionAt(message, at);
    at = end;
    if (code === SECTION.footer) {
      // The JavaScript SDK writes it before the body, and the service accepts that.
      if (hasFooter) throw new MalformedMessage('two footers');
      hasFooter = true;
      continue;
    }
    if (hasFooter && code <= SECTION.messageAnnotations)
      throw new MalformedMessage('annotations behind the footer');
    const isRepeated = code === before && (code === SECTION.data || code === SECTION.sequence);
    if (code > SECTION.footer || (code <= before && !isRepeated))
      throw new MalformedMessage('sections that are unknown or out of order');
    before = code;
    if (code === SECTION.messageAnnotations) facts = factsIn(message.subarray(value, end));
    hasBody ||= code >= SECTION.data;
  }
  if (!hasBody) throw new MalformedMessage('a message without a body');
  return facts;
}

function factsIn(bytes: Buffer): MessageFacts {
  let partitionKey: string | undefined;
  const producer: Record<string, number> = {};
  const map = mapOf(bytes);
  for (const { name, value, end } of entriesOf(map)) {
    if (name === undefined) continue;
    if (name === PARTITION_KEY) partitionKey = text(map.entries, value, end);
    const [, field] = PRODUCER.exec(name) ?? [];
    if (field) producer[field] = Number(new ValueReader(map.entries.subarray(value, end)).read());
  }
  const { id, epoch, 'sequence-number': sequence } = producer;
  const isWhole = id !== undefined && epoch !== undefined && sequence !== undefined;
  return { partitionKey, producing: isWhole ? { id, epoch, sequence } : undefined };
}

/** str8, str32, sym8, sym32 */
function text(bytes: Buffer, at: number, end: number): string | undefined {
  const code = bytes[at];
  if (code === 0xa1 || code === 0xa3) return bytes.toString('utf8', at + 2, end);
  if (code === 0xb1 || code === 0xb3) return bytes.toString('utf8', at + 5, end);
  return undefined;
}

/** Annotations that only the broker may set. */
const RESERVED: ReadonlySet<string | undefined> = new Set([
  'x-opt-sequence-number',
  'x-opt-offset',
  'x-opt-enqueued-time',
]);
const ANY_RESERVED = Buffer.from('x-opt-');
const SEQUENCE = symbol('x-opt-sequence-number');
const OFFSET = symbol('x-opt-offset');
const ENQUEUED = symbol('x-opt-enqueued-time');
const KEY = symbol(PARTITION_KEY);
const EMPTY: Buffer = Buffer.alloc(0);
/** Of the annotations' section: descriptor, type, size, count. */
const MAP_HEAD = 12;

export interface Stamp {
  readonly sequenceNumber: number;
  readonly offset: string;
  /** ms since the epoch */
  readonly enqueuedTime: number;
  readonly partitionKey: string | undefined;
}

/** Without the annotations of these names. */
function without(map: MapBytes, names: ReadonlySet<string | undefined>): MapBytes {
  if (map.count === 0 || !map.entries.includes(ANY_RESERVED)) return map;
  const kept = [...entriesOf(map)].filter(({ name }) => !names.has(name));
  const parts = kept.map(({ start, end }) => map.entries.subarray(start, end));
  return { count: kept.length * 2, entries: Buffer.concat(parts) };
}

/** A message's header, its annotations, and the start of the rest. */
function annotationsOf(message: Buffer): {
  readonly header: Buffer;
  readonly known: MapBytes;
  readonly rest: number;
} {
  let header: Buffer = EMPTY;
  let known: MapBytes = { count: 0, entries: EMPTY };
  let rest = 0;
  while (rest < message.length) {
    const { code, start, value, end } = sectionAt(message, rest);
    if (code > SECTION.messageAnnotations) break;
    rest = end;
    if (code === SECTION.header) header = message.subarray(start, end);
    else if (code === SECTION.messageAnnotations) known = mapOf(message.subarray(value, end));
  }
  return { header, known, rest };
}

/** Of the annotations' section, with `count` keys and values in `length` bytes. Returns where they begin. */
function writeMapHead(bytes: Buffer, at: number, count: number, length: number): number {
  bytes.writeUInt32BE(0x00_53_72_d1, at);
  bytes.writeUInt32BE(length + 4, at + 4);
  bytes.writeUInt32BE(count, at + 8);
  return at + MAP_HEAD;
}

/** The message with one more annotation, in place of any with the same name. */
export function annotated(message: Buffer, name: `x-opt-${string}`, value: Buffer): Buffer {
  const { header, known, rest } = annotationsOf(message);
  const { count, entries } = without(known, new Set([name]));
  const own = Buffer.concat([entries, symbol(name), value]);
  const head = Buffer.allocUnsafe(MAP_HEAD);
  writeMapHead(head, 0, count + 2, own.length);
  return Buffer.concat([header, head, own, message.subarray(rest)]);
}

/** The message in the form for a receiver. @param before delivery annotations in front of it (the runtime metric) */
export function stamp(message: Buffer, annotations: Stamp, before: Buffer = EMPTY): Buffer {
  const { header, known: all, rest } = annotationsOf(message);
  const known = without(all, RESERVED);
  const { sequenceNumber, offset, enqueuedTime, partitionKey } = annotations;
  const addsKey = partitionKey !== undefined && !(known.count > 0 && known.entries.includes(KEY));
  const key = addsKey ? string(partitionKey) : EMPTY;
  const own = SEQUENCE.length + 9 + OFFSET.length + 2 + offset.length + ENQUEUED.length + 9;
  const entries = known.entries.length + own + (addsKey ? KEY.length + key.length : 0);
  const size = header.length + before.length + MAP_HEAD + entries + message.length - rest;
  const bytes = Buffer.allocUnsafe(size);
  let at = header.copy(bytes);
  at += before.copy(bytes, at);
  at = writeMapHead(bytes, at, known.count + (addsKey ? 8 : 6), entries);
  at += known.entries.copy(bytes, at);
  at += SEQUENCE.copy(bytes, at);
  at = writeEight(bytes, at, 0x81, sequenceNumber);
  at += OFFSET.copy(bytes, at);
  bytes[at] = 0xa1;
  bytes[at + 1] = offset.length;
  at += 2 + bytes.write(offset, at + 2, 'latin1');
  at += ENQUEUED.copy(bytes, at);
  at = writeEight(bytes, at, 0x83, enqueuedTime);
  if (addsKey) {
    at += KEY.copy(bytes, at);
    at += key.copy(bytes, at);
  }
  message.copy(bytes, at, rest);
  return bytes;
}

/** A value of eight bytes that is not negative. */
function writeEight(bytes: Buffer, at: number, code: number, value: number): number {
  bytes[at] = code;
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at + 1);
  bytes.writeUInt32BE(value >>> 0, at + 5);
  return at + 9;
}

/** Delivery annotations with the runtime metric of a partition. */
export function runtimeMetric(
  last: { sequenceNumber: number; offset: string; enqueuedTime: number },
  now: number,
): Buffer {
  return described(
    SECTION.deliveryAnnotations,
    map(
      symbol('last_enqueued_sequence_number'),
      long(last.sequenceNumber),
      symbol('last_enqueued_offset'),
      string(last.offset),
      symbol('last_enqueued_time_utc'),
      timestamp(last.enqueuedTime),
      symbol('runtime_info_retrieval_time_utc'),
      timestamp(now),
    ),
  );
}

/** A request to a node of the broker itself. */
export interface Request {
  /** As it was sent; the reply has it as its correlation id. */
  readonly messageId: Buffer;
  readonly replyTo: string;
  readonly properties: ReadonlyMap<unknown, unknown>;
  readonly body: unknown;
}

/** @throws MalformedMessage, MalformedValue */
export function readRequest(message: Buffer): Request {
  let messageId = NULL;
  let replyTo = '';
  let properties: ReadonlyMap<unknown, unknown> = new Map();
  let body: unknown = null;
  for (let at = 0; at < message.length; ) {
    const { code, value, end } = sectionAt(message, at);
    at = end;
    const reader = new ValueReader(message.subarray(value, end));
    if (code === SECTION.properties) {
      const items = reader.items();
      messageId = items[0]?.bytes ?? NULL;
      const address = items[4]?.value;
      if (typeof address === 'string') replyTo = address;
    } else if (code === SECTION.applicationProperties) {
      const found = reader.read();
      if (found instanceof Map) properties = found;
    } else if (code === SECTION.value) body = reader.read();
  }
  return { messageId, replyTo, properties, body };
}

export interface Reply {
  readonly status: number;
  readonly description: string;
  readonly condition?: string;
  /** An encoded value. */
  readonly body?: Buffer;
}

export function writeReply(request: Request, { status, description, condition, body }: Reply): Buffer {
  const facts = [
    string('status-code'),
    int(status),
    string('status-description'),
    string(description),
    ...(condition ? [string('error-condition'), symbol(condition)] : []),
  ];
  return Buffer.concat([
    described(SECTION.properties, list(NULL, NULL, NULL, NULL, NULL, request.messageId)),
    described(SECTION.applicationProperties, map(...facts)),
    described(SECTION.value, body ?? NULL),
  ]);
}
