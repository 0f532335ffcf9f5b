import { expect, test } from 'vitest';
import { isBatchWire, readBatchWire, writeBatchWire } from './batch-wire.ts';
import { CosmosError } from './errors.ts';

/** Sent by Microsoft.Azure.Cosmos 3.64: a replace with an etag, a create that wants no body back, a delete. */
const SENT = Buffer.from(
  [
    '81f0d8ff7f010a000000',
    '81f1d8ff7f3900000000000000817054e17f53050000000200000001',
    '78', // x
    '15',
    Buffer.from('{"id":"x","pk":"b1" }').toString('hex'),
    '1409',
    '0c',
    Buffer.from('"2fd9-0049"}').toString('hex'),
  ].join(''),
  'hex',
);

test('an operation is read with its id, its body and its etag', () => {
  expect(isBatchWire(SENT)).toBe(true);
  expect(isBatchWire(Buffer.from('[{}]'))).toBe(false);
  expect(readBatchWire(fixed(SENT))).toEqual([
    { operationType: 'Replace', id: 'x', ifMatch: '"2fd9-0049"}', resourceBody: { id: 'x', pk: 'b1' } },
  ]);
});

test('results are written as records with their status, etag, body and charge', () => {
  const bytes = writeBatchWire([
    { statusCode: 201, requestCharge: 5.5, eTag: '"e"', resourceBody: { id: 'x' } },
    { statusCode: 424, requestCharge: 0 },
  ]);
  const text = bytes.toString('latin1');
  expect(text).toContain('"e"');
  expect(text).toContain('{"id":"x"}');
  const first = bytes.indexOf(Buffer.from('817154e17f', 'hex'));
  expect(bytes.readUInt8(first + 5)).toBe(0b1111);
  expect(bytes.readUInt32LE(first + 6)).toBe(201);
  const second = bytes.indexOf(Buffer.from('817154e17f', 'hex'), first + 1);
  expect(bytes.readUInt8(second + 5)).toBe(0b11);
  expect(bytes.readUInt32LE(second + 6)).toBe(424);
  expect(bytes.readDoubleLE(second + 16)).toBe(0);
});

test('what ends too early, or has unknown parts, is 400', () => {
  const whole = fixed(SENT);
  for (let length = 1; length < whole.length; length++) {
    if (length === 10) continue; // the segment alone: no operations
    expect(() => readBatchWire(whole.subarray(0, length)), `${length} bytes`).toThrow(CosmosError);
  }
  const other = Buffer.from(whole);
  other[11] = 0xaa;
  expect(() => readBatchWire(other)).toThrow(CosmosError);
});

/** With the length of the one record as it is. */
function fixed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(bytes.length - 10 - 13, 15);
  return copy;
}
