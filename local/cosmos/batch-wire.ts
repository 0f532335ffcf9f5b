/**
 * Reads and writes the binary body in which .NET's SDK sends batches: records of hybrid rows, one for each operation.
 *
 * W1 A record is `81 f1d8ff7f`, the row's length, its checksum, the row; the first one, `81 f0d8ff7f`, describes the segment.
 * W2 A row has its schema's id, a byte that says which fields are present, those fields in order, and then others, each after
 *    its type and its number. Anything else is refused, never guessed.
 * W3 A request in this form is answered in it.
 *
 * Source: captured bodies of Microsoft.Azure.Cosmos 3.64; the layout is open source (Microsoft.Azure.Cosmos.HybridRow).
 */
import { crc32 } from 'node:zlib';
import type { BatchOperation, OperationResult } from './batch.ts';
import { badRequest } from './errors.ts';

const VERSION = 0x81;
const SEGMENT = 0x7fff_d8f0;
const RECORD = 0x7fff_d8f1;
const OPERATION = 0x7fe1_5470;
const RESULT = 0x7fe1_5471;
const SEGMENT_BYTES = 10;
const SEGMENT_HEADER_BYTES = 10;
const CHECKSUM_BYTES = 4;
const TYPE = { false: 2, true: 3, int32: 7, float64: 16, text: 20 } as const;
/** The number of a result's last field. */
const REQUEST_CHARGE = 6;

const OPERATION_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'Create'],
  [1, 'Patch'],
  [2, 'Read'],
  [4, 'Delete'],
  [5, 'Replace'],
  [20, 'Upsert'],
]);

/** Fields with a bit of presence each, in their order. */
const FIELDS = [
  ['operationType', 'int32'],
  ['resourceType', 'int32'],
  ['partitionKey', 'text'],
  ['effectivePartitionKey', 'text'],
  ['id', 'text'],
  ['binaryId', 'text'],
  ['resourceBody', 'text'],
] as const;

/** Other fields, by their number. */
const SPARSE: ReadonlyMap<number, string> = new Map([
  [8, 'indexingDirective'],
  [9, 'ifMatch'],
  [10, 'ifNoneMatch'],
  [11, 'timeToLiveInSeconds'],
  [12, 'minimalReturnPreference'],
]);

/** Whether the body is of this kind. JSON never begins so. */
export const isBatchWire = (body: Buffer) => body[0] === VERSION;

/** @throws CosmosError 400 */
export function readBatchWire(body: Buffer): BatchOperation[] {
  try {
    return [...operationsOf(new Reader(body))];
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError)
      throw badRequest('the body of the batch does not end where it should, or holds no JSON');
    throw error;
  }
}

class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  uint32(): number {
    const value = this.bytes.readUInt32LE(this.at);
    this.at += 4;
    return value;
  }

  /** Seven bits in each byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badRequest('a number of the batch is too long');
  }

  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new RangeError('beyond the end');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.take(this.varint()).toString();
  }

  schema(): number {
    if (this.byte() !== VERSION) throw badRequest('the batch is not of a version that is known');
    return this.uint32();
  }
}

function* operationsOf(reader: Reader): Generator<BatchOperation> {
  while (!reader.ended) {
    const schema = reader.schema();
    if (schema === SEGMENT) {
      if (reader.byte() !== 1) throw badRequest('the segment of the batch has parts that are not known');
      const length = reader.uint32();
      reader.take(length - SEGMENT_HEADER_BYTES);
    } else if (schema === RECORD) {
      const length = reader.uint32();
      reader.take(CHECKSUM_BYTES);
      yield operationOf(new Reader(reader.take(length)));
    } else throw badRequest('the batch has a record that is not known');
  }
}

function operationOf(reader: Reader): BatchOperation {
  if (reader.schema() !== OPERATION) throw badRequest('a record of the batch is no operation');
  const present = reader.byte();
  const values = new Map<string, string | number | boolean>();
  for (const [bit, [name, kind]] of FIELDS.entries()) {
    if (present & (1 << bit)) values.set(name, kind === 'int32' ? reader.uint32() : reader.text());
  }
  while (!reader.ended) values.set(...sparseOf(reader));
  const operationType = OPERATION_TYPES.get(Number(values.get('operationType')));
  if (!operationType) throw badRequest('the batch has an operation that is not known');
  const text = (name: string) => {
    const value = values.get(name);
    return typeof value === 'string' ? { [name]: value } : {};
  };
  const body = values.get('resourceBody');
  return {
    operationType,
    ...text('id'),
    ...text('partitionKey'),
    ...text('ifMatch'),
    ...text('ifNoneMatch'),
    ...(values.get('minimalReturnPreference') === true ? { minimal: true } : {}),
    ...(typeof body === 'string' ? { resourceBody: JSON.parse(body) as unknown } : {}),
  };
}

/** Type, number, value; a truth value is in its type. */
function sparseOf(reader: Reader): [string, string | number | boolean] {
  const type = reader.byte();
  const number = reader.varint();
  const name = SPARSE.get(number);
  if (name === undefined)
    throw badRequest(`an operation of the batch has a field ${number} that is not known`);
  if (type === TYPE.false || type === TYPE.true) return [name, type === TYPE.true];
  if (type === TYPE.text) return [name, reader.text()];
  if (type === TYPE.int32) return [name, reader.uint32()];
  throw badRequest(`an operation of the batch has a field of the type ${type}, which is not known`);
}

/** The answer in the same form: that SDK reads no other. */
export function writeBatchWire(results: readonly OperationResult[]): Buffer {
  const segment = Buffer.concat([header(SEGMENT), Buffer.of(1), uint32(SEGMENT_BYTES)]);
  return Buffer.concat([segment, ...results.flatMap(recordOf)]);
}

function recordOf({
  statusCode,
  subStatusCode = 0,
  eTag,
  resourceBody,
  requestCharge,
}: OperationResult): Buffer[] {
  const present = 0b11 | (eTag === undefined ? 0 : 0b100) | (resourceBody === undefined ? 0 : 0b1000);
  const charge = Buffer.alloc(8);
  charge.writeDoubleLE(requestCharge);
  const row = Buffer.concat([
    header(RESULT),
    Buffer.of(present),
    uint32(statusCode),
    uint32(subStatusCode),
    eTag === undefined ? Buffer.alloc(0) : text(eTag),
    resourceBody === undefined ? Buffer.alloc(0) : text(JSON.stringify(resourceBody)),
    Buffer.of(TYPE.float64, REQUEST_CHARGE),
    charge,
  ]);
  return [header(RECORD), uint32(row.length), uint32(crc32(row)), row];
}

function header(schema: number): Buffer {
  return Buffer.concat([Buffer.of(VERSION), uint32(schema)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  let rest = bytes.length;
  while (rest >= 0x80) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.concat([Buffer.of(...length, rest), bytes]);
}
