/**
 * Encodes and decodes AMQP's types, for frames and for the few messages that the broker itself reads.
 * http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html (1.6)
 *
 * V1 Nothing is read beyond the end or deeper than `MAX_NESTED`, and no count is accepted that its bytes cannot hold:
 *    a malformed value throws `MalformedValue`, and costs no more than its length.
 */

export class MalformedValue extends Error {
  constructor(what: string) {
    super(`malformed AMQP value: ${what}`);
    this.name = 'MalformedValue';
  }
}

/** A value with the descriptor of its type. */
export class Described {
  readonly descriptor: unknown;
  readonly value: unknown;

  constructor(descriptor: unknown, value: unknown) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

const MAX_NESTED = 32;

/**
 * Numbers become `number`, or `bigint` if that would lose precision; timestamps ms; symbols texts; binaries, UUIDs
 * and decimals as bytes; maps as `Map`.
 */
export class ValueReader {
  at: number;
  private readonly bytes: Buffer;
  private end: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
    this.end = bytes.length;
  }

  get atEnd(): boolean {
    return this.at >= this.end;
  }

  read(depth = 0): unknown {
    if (depth > MAX_NESTED) throw new MalformedValue('nested too deeply');
    const code = this.u8();
    if (code !== 0x00) return this.value(code, depth);
    const descriptor = this.read(depth + 1);
    return new Described(descriptor, this.read(depth + 1));
  }

  /** The list that begins here, each item with its bytes. */
  items(): { readonly value: unknown; readonly bytes: Buffer }[] {
    const code = this.u8();
    if (code === 0x45) return [];
    if (code !== 0xc0 && code !== 0xd0) throw new MalformedValue('no list');
    const found: { value: unknown; bytes: Buffer }[] = [];
    this.within(code === 0xc0 ? 1 : 4, (count) => {
      for (let index = 0; index < count; index++) {
        const start = this.at;
        const value = this.read(1);
        found.push({ value, bytes: this.bytes.subarray(start, this.at) });
      }
    });
    return found;
  }

  private take(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new MalformedValue('cut short');
    this.at = at + length;
    return at;
  }

  private u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  private u32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  private size(width: 1 | 4): number {
    return width === 1 ? this.u8() : this.u32();
  }

  private slice(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  private value(code: number, depth: number): unknown {
    const { bytes } = this;
    switch (code) {
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x43:
      case 0x44:
        return 0;
      case 0x45:
        return [];
      case 0x50:
      case 0x52:
      case 0x53:
        return this.u8();
      case 0x51:
      case 0x54:
      case 0x55:
        return bytes.readInt8(this.take(1));
      case 0x56:
        return this.u8() !== 0;
      case 0x60:
        return bytes.readUInt16BE(this.take(2));
      case 0x61:
        return bytes.readInt16BE(this.take(2));
      case 0x70:
      case 0x73:
        return this.u32();
      case 0x71:
        return bytes.readInt32BE(this.take(4));
      case 0x72:
        return bytes.readFloatBE(this.take(4));
      case 0x80:
        return short(bytes.readBigUInt64BE(this.take(8)));
      case 0x81:
        return short(bytes.readBigInt64BE(this.take(8)));
      case 0x82:
        return bytes.readDoubleBE(this.take(8));
      case 0x83:
        return Number(bytes.readBigInt64BE(this.take(8)));
      case 0x74:
        return this.slice(4);
      case 0x84:
        return this.slice(8);
      case 0x94:
      case 0x98:
        return this.slice(16);
      case 0xa0:
        return this.slice(this.u8());
      case 0xb0:
        return this.slice(this.u32());
      case 0xa1:
      case 0xa3:
        return this.slice(this.u8()).toString('utf8');
      case 0xb1:
      case 0xb3:
        return this.slice(this.u32()).toString('utf8');
      case 0xc0:
        return this.list(1, depth);
      case 0xd0:
        return this.list(4, depth);
      case 0xc1:
        return this.map(1, depth);
      case 0xd1:
        return this.map(4, depth);
      case 0xe0:
        return this.array(1, depth);
      case 0xf0:
        return this.array(4, depth);
      default:
        throw new MalformedValue(`unknown type 0x${code.toString(16)}`);
    }
  }

  /** Reads a compound's size and count, and then its content, which must be exactly as long as it says. */
  private within(width: 1 | 4, read: (count: number) => void): void {
    const size = this.size(width);
    if (size > this.end - this.at) throw new MalformedValue('cut short');
    const [outer, end] = [this.end, this.at + size];
    this.end = end;
    const count = this.size(width);
    if (count > end - this.at) throw new MalformedValue('a count that cannot be');
    read(count);
    if (this.at !== end) throw new MalformedValue('a size that is not that of its content');
    this.end = outer;
  }

  private list(width: 1 | 4, depth: number): unknown[] {
    const found: unknown[] = [];
    this.within(width, (count) => {
      for (let index = 0; index < count; index++) found.push(this.read(depth + 1));
    });
    return found;
  }

  private map(width: 1 | 4, depth: number): Map<unknown, unknown> {
    const found = new Map<unknown, unknown>();
    this.within(width, (count) => {
      if (count % 2 !== 0) throw new MalformedValue('a map with a key without a value');
      for (let index = 0; index < count; index += 2) {
        const key = this.read(depth + 1);
        found.set(key, this.read(depth + 1));
      }
    });
    return found;
  }

  private array(width: 1 | 4, depth: number): unknown[] {
    const found: unknown[] = [];
    if (depth > MAX_NESTED) throw new MalformedValue('nested too deeply');
    this.within(width, (count) => {
      let code = this.u8();
      while (code === 0x00) {
        this.read(depth + 1);
        code = this.u8();
      }
      // Elements without bytes: a sender can claim any count at no cost.
      if (code >> 4 === 0x4 && count > 0) throw new MalformedValue('an array of values without bytes');
      for (let index = 0; index < count; index++) found.push(this.value(code, depth + 1));
    });
    return found;
  }
}

function short(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

// Writing. Each function gives the bytes of one value.

export const NULL: Buffer = Buffer.of(0x40);
export const EMPTY_LIST: Buffer = Buffer.of(0x45);

export const boolean = (value: boolean): Buffer => Buffer.of(value ? 0x41 : 0x42);
export const ubyte = (value: number): Buffer => Buffer.of(0x50, value);

export function ushort(value: number): Buffer {
  return Buffer.of(0x60, value >> 8, value & 0xff);
}

export function short16(value: number): Buffer {
  const bytes = Buffer.of(0x61, 0, 0);
  bytes.writeInt16BE(value, 1);
  return bytes;
}

export function uint(value: number): Buffer {
  if (value === 0) return Buffer.of(0x43);
  if (value < 0x100) return Buffer.of(0x52, value);
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = 0x70;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

export function int(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = 0x71;
  bytes.writeInt32BE(value, 1);
  return bytes;
}

function eight(code: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = code;
  bytes.writeBigInt64BE(BigInt(value), 1);
  return bytes;
}

export const ulong = (value: number): Buffer => eight(0x80, value);
export const long = (value: number): Buffer => eight(0x81, value);
/** @param value ms since the epoch */
export const timestamp = (value: number): Buffer => eight(0x83, value);

function variable(short: number, value: Buffer): Buffer {
  if (value.length < 0x100) return Buffer.concat([Buffer.of(short, value.length), value]);
  const head = Buffer.allocUnsafe(5);
  head[0] = short + 0x10;
  head.writeUInt32BE(value.length, 1);
  return Buffer.concat([head, value]);
}

export const string = (value: string): Buffer => variable(0xa1, Buffer.from(value));
export const symbol = (value: string): Buffer => variable(0xa3, Buffer.from(value));

function compound(code: number, items: readonly Buffer[]): Buffer {
  const content = Buffer.concat(items);
  const head = Buffer.allocUnsafe(9);
  head[0] = code;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(items.length, 5);
  return Buffer.concat([head, content]);
}

export const list = (...items: readonly Buffer[]): Buffer => compound(0xd0, items);

/** Keys and values in turn. */
export const map = (...items: readonly Buffer[]): Buffer => compound(0xd1, items);

export function symbols(names: readonly string[]): Buffer {
  const items = names.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'ascii')]));
  const content = Buffer.concat([Buffer.of(0xa3), ...items]);
  return Buffer.concat([Buffer.of(0xe0, content.length + 1, names.length), content]);
}

/** @param code numeric descriptor below 256 */
export const described = (code: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x00, 0x53, code), value]);
