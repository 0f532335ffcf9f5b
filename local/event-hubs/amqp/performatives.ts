/**
 * Reads AMQP frames into checked, typed fields, and writes frames as bytes.
 * http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html (2.7)
 */

import * as value from './values.ts';
import { Described, MalformedValue, uint, ValueReader } from './values.ts';

export interface AmqpError {
  readonly condition: string;
  readonly description: string;
}

export const CODE = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  mechanisms: 0x40,
  init: 0x41,
  outcome: 0x44,
} as const;

const ACCEPTED = 0x24;
const REJECTED = 0x25;
const ERROR = 0x1d;
const SOURCE = 0x28;
const TARGET = 0x29;

export interface Terminus {
  readonly address: string | undefined;
  readonly filter: ReadonlyMap<unknown, unknown>;
  /** As it was sent, to be sent back. */
  readonly bytes: Buffer;
}

export interface Attach {
  readonly name: string;
  readonly handle: number;
  /** True: the other side receives. */
  readonly role: boolean;
  readonly source: Terminus;
  readonly target: Terminus;
  readonly initialDeliveryCount: number;
  readonly desiredCapabilities: readonly string[];
  readonly properties: ReadonlyMap<unknown, unknown>;
}

export interface Flow {
  readonly nextIncomingId: number | undefined;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly handle: number | undefined;
  readonly deliveryCount: number | undefined;
  readonly linkCredit: number | undefined;
  readonly drain: boolean;
  readonly echo: boolean;
}

export interface Transfer {
  readonly handle: number;
  readonly deliveryId: number | undefined;
  readonly format: number;
  readonly settled: boolean;
  readonly more: boolean;
  readonly aborted: boolean;
  readonly payload: Buffer;
}

/** The performative of a frame's body, and the bytes after it. */
export function readPerformative(body: Buffer): {
  readonly code: number;
  readonly fields: readonly { readonly value: unknown; readonly bytes: Buffer }[];
  readonly payload: Buffer;
} {
  if (body[0] !== 0x00) throw new MalformedValue('a frame without a performative');
  const reader = new ValueReader(body, 1);
  const code = reader.read(1);
  if (typeof code !== 'number') throw new MalformedValue('a performative that is not named by a number');
  const fields = reader.items();
  return { code, fields, payload: body.subarray(reader.at) };
}

type Fields = ReturnType<typeof readPerformative>['fields'];

function wrong(name: string): never {
  throw new MalformedValue(`${name} is missing or of a wrong type`);
}

/** A field that may be absent: undefined. */
function optional<T>(fields: Fields, index: number, name: string, is: (value: unknown) => value is T) {
  const found = fields[index]?.value ?? undefined;
  if (found === undefined) return undefined;
  return is(found) ? found : wrong(name);
}

const isUint = (found: unknown): found is number =>
  typeof found === 'number' && Number.isInteger(found) && found >= 0 && found <= 0xffff_ffff;
const isText = (found: unknown): found is string => typeof found === 'string';
const isFlag = (found: unknown): found is boolean => typeof found === 'boolean';
const isMap = (found: unknown): found is Map<unknown, unknown> => found instanceof Map;
const isBytes = (found: unknown): found is Buffer => Buffer.isBuffer(found);

const uintOf = (fields: Fields, index: number, name: string) => optional(fields, index, name, isUint);
const neededUint = (fields: Fields, index: number, name: string) =>
  uintOf(fields, index, name) ?? wrong(name);

export function readOpen(fields: Fields) {
  if (optional(fields, 0, 'container-id', isText) === undefined) wrong('container-id');
  return {
    maxFrameSize: uintOf(fields, 2, 'max-frame-size') ?? 0xffff_ffff,
    channelMax: uintOf(fields, 3, 'channel-max') ?? 0xffff,
    idleTimeout: uintOf(fields, 4, 'idle-time-out') ?? 0,
  };
}

export function readBegin(fields: Fields) {
  return {
    remoteChannel: uintOf(fields, 0, 'remote-channel'),
    nextOutgoingId: neededUint(fields, 1, 'next-outgoing-id'),
    incomingWindow: neededUint(fields, 2, 'incoming-window'),
  };
}

export function readAttach(fields: Fields): Attach {
  const capabilities = fields[12]?.value;
  const many: readonly unknown[] = Array.isArray(capabilities) ? capabilities : [capabilities];
  return {
    name: optional(fields, 0, 'name', isText) ?? wrong('name'),
    handle: neededUint(fields, 1, 'handle'),
    role: optional(fields, 2, 'role', isFlag) ?? wrong('role'),
    source: terminus(fields, 5, 'source', SOURCE),
    target: terminus(fields, 6, 'target', TARGET),
    initialDeliveryCount: uintOf(fields, 9, 'initial-delivery-count') ?? 0,
    desiredCapabilities: many.filter(isText),
    properties: optional(fields, 13, 'properties', isMap) ?? new Map(),
  };
}

function terminus(fields: Fields, index: number, name: string, code: number): Terminus {
  const { value: found = null, bytes = value.NULL } = fields[index] ?? {};
  if (found === null) return { address: undefined, filter: new Map(), bytes };
  if (!(found instanceof Described) || found.descriptor !== code || !Array.isArray(found.value)) wrong(name);
  const [address, , , , , , , filter] = found.value as readonly unknown[];
  return {
    address: isText(address) ? address : undefined,
    filter: isMap(filter) ? filter : new Map(),
    bytes,
  };
}

export function readFlow(fields: Fields): Flow {
  return {
    nextIncomingId: uintOf(fields, 0, 'next-incoming-id'),
    incomingWindow: neededUint(fields, 1, 'incoming-window'),
    nextOutgoingId: neededUint(fields, 2, 'next-outgoing-id'),
    handle: uintOf(fields, 4, 'handle'),
    deliveryCount: uintOf(fields, 5, 'delivery-count'),
    linkCredit: uintOf(fields, 6, 'link-credit'),
    drain: optional(fields, 8, 'drain', isFlag) ?? false,
    echo: optional(fields, 9, 'echo', isFlag) ?? false,
  };
}

export function readTransfer(fields: Fields, payload: Buffer): Transfer {
  return {
    handle: neededUint(fields, 0, 'handle'),
    deliveryId: uintOf(fields, 1, 'delivery-id'),
    format: uintOf(fields, 3, 'message-format') ?? 0,
    settled: optional(fields, 4, 'settled', isFlag) ?? false,
    more: optional(fields, 5, 'more', isFlag) ?? false,
    aborted: optional(fields, 9, 'aborted', isFlag) ?? false,
    payload,
  };
}

export function readDetach(fields: Fields) {
  return {
    handle: neededUint(fields, 0, 'handle'),
    closed: optional(fields, 1, 'closed', isFlag) ?? false,
  };
}

export function readSaslInit(fields: Fields) {
  return {
    mechanism: optional(fields, 0, 'mechanism', isText) ?? wrong('mechanism'),
    response: optional(fields, 1, 'initial-response', isBytes),
  };
}

const FRAME_HEAD = 8;

/** @param type 0: AMQP, 1: SASL */
export function frame(channel: number, body: Buffer, type: 0 | 1 = 0): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD);
  head.writeUInt32BE(FRAME_HEAD + body.length, 0);
  head[4] = 2;
  head[5] = type;
  head.writeUInt16BE(channel, 6);
  return Buffer.concat([head, body]);
}

export const HEARTBEAT: Buffer = frame(0, Buffer.alloc(0));

/** Number of fields of each. All are written: not every client fills in missing ones. */
const FIELDS: Readonly<Record<number, number>> = {
  [CODE.open]: 10,
  [CODE.begin]: 8,
  [CODE.attach]: 14,
  [CODE.flow]: 11,
  [CODE.disposition]: 6,
  [CODE.detach]: 3,
  [CODE.end]: 1,
  [CODE.close]: 1,
  [CODE.mechanisms]: 1,
  [CODE.outcome]: 2,
};

/** A performative with its fields; undefined: null. */
export function performative(code: number, ...fields: readonly (Buffer | undefined)[]): Buffer {
  const all = Array.from(
    { length: FIELDS[code] ?? fields.length },
    (_, index) => fields[index] ?? value.NULL,
  );
  return value.described(code, value.list(...all));
}

export const errorValue = ({ condition, description }: AmqpError): Buffer =>
  value.described(ERROR, value.list(value.symbol(condition), value.string(description), value.NULL));

export const accepted: Buffer = value.described(ACCEPTED, value.EMPTY_LIST);
export const rejected = (error: AmqpError): Buffer =>
  value.described(REJECTED, value.list(errorValue(error)));

/** Largest size of a transfer's frame header and performative. */
export const TRANSFER_HEAD = 38;

/** Head of a settled transfer with a message of format 0, of which `length` bytes follow. */
export function transferHead(
  channel: number,
  handle: number,
  delivery: number,
  more: boolean,
  length: number,
): Buffer {
  const head = Buffer.allocUnsafe(TRANSFER_HEAD);
  head.writeUInt32BE(TRANSFER_HEAD + length, 0);
  head[4] = 2;
  head[5] = 0;
  head.writeUInt16BE(channel, 6);
  head.writeUInt32BE(0x00_53_14_c0, 8);
  head[12] = TRANSFER_HEAD - 13;
  head[13] = 11;
  head[14] = 0x70;
  head.writeUInt32BE(handle, 15);
  head[19] = 0x70;
  head.writeUInt32BE(delivery, 20);
  head.writeUInt16BE(0xa0_04, 24);
  head.writeUInt32BE(delivery, 26);
  head[30] = 0x43;
  head[31] = 0x41;
  head[32] = more ? 0x41 : 0x42;
  head.fill(0x40, 33);
  return head;
}

export function flow(fields: {
  readonly nextIncomingId: number | undefined;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly outgoingWindow: number;
  readonly link?: { readonly handle: number; readonly deliveryCount: number; readonly credit: number };
  readonly drain?: boolean;
}): Buffer {
  const { link } = fields;
  return performative(
    CODE.flow,
    fields.nextIncomingId === undefined ? undefined : uint(fields.nextIncomingId),
    uint(fields.incomingWindow),
    uint(fields.nextOutgoingId),
    uint(fields.outgoingWindow),
    ...(link ? [uint(link.handle), uint(link.deliveryCount), uint(link.credit)] : []),
    ...(link && fields.drain ? [undefined, value.boolean(true)] : []),
  );
}
