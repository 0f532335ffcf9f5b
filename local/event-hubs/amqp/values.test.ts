import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  boolean,
  Described,
  described,
  int,
  list,
  long,
  MalformedValue,
  map,
  NULL,
  short16,
  string,
  symbol,
  symbols,
  timestamp,
  ubyte,
  uint,
  ulong,
  ushort,
  ValueReader,
} from './values.ts';

const read = (bytes: Buffer) => {
  const reader = new ValueReader(bytes);
  const value = reader.read();
  expect(reader.atEnd).toBe(true);
  return value;
};

describe('what is written is read again', () => {
  test.each<[string, Buffer, unknown]>([
    ['null', NULL, null],
    ['true', boolean(true), true],
    ['ubyte', ubyte(255), 255],
    ['ushort', ushort(65_535), 65_535],
    ['short', short16(-2), -2],
    ['uint 0', uint(0), 0],
    ['uint 255', uint(255), 255],
    ['uint', uint(0xffff_ffff), 0xffff_ffff],
    ['int', int(-7), -7],
    ['long', long(-1), -1],
    ['ulong', ulong(2 ** 40), 2 ** 40],
    ['timestamp', timestamp(1_700_000_000_000), 1_700_000_000_000],
    ['short text', string('ä'), 'ä'],
    ['long text', string('x'.repeat(300)), 'x'.repeat(300)],
    ['symbol', symbol('amqp:not-found'), 'amqp:not-found'],
    ['symbols', symbols(['a', 'bc']), ['a', 'bc']],
    ['list', list(int(1), NULL, string('x')), [1, null, 'x']],
    ['map', map(string('a'), int(1)), new Map([['a', 1]])],
    ['described', described(0x24, list()), new Described(0x24, [])],
  ])('%s', (_, bytes, value) => {
    expect(read(bytes)).toEqual(value);
  });

  test('a long that a number cannot hold is a bigint', () => {
    expect(read(Buffer.from('81ffffffffffffff00'.replace('ff', '7f'), 'hex'))).toBe(0x7fffffffffffff00n);
  });
});

/** Another implementation of the same encoding. */
const { types } = createRequire(import.meta.url)('rhea') as {
  types: {
    wrap(value: unknown): unknown;
    Writer: new () => { write(value: unknown): void; toBuffer(): Buffer };
  };
};

test('what rhea writes is read as rhea meant it', () => {
  // rhea cannot write every large number.
  const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !/e\+|\d{16}/.test(JSON.stringify(value)));
  fc.assert(
    fc.property(json, (value) => {
      const writer = new types.Writer();
      writer.write(types.wrap(value));
      expect(plain(read(writer.toBuffer()))).toEqual(plain(value));
    }),
    { numRuns: 500 },
  );
});

/** Maps as objects, large integers as JSON has them, and -0 as 0: AMQP's integers know only one zero. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  if (typeof value === 'bigint') return Number(value);
  return value === 0 ? 0 : value;
}

describe('what is not well-formed', () => {
  test.each([
    ['nothing', ''],
    ['an unknown type', '3f'],
    ['a text cut short', 'a10561'],
    ['a list longer than its size', 'c00201a10161'],
    ['a list shorter than its size', 'c0060141404040'],
    ['a list of four billion', 'd000000004ffffffff'],
    ['an array of four billion nothings', 'f000000005ffffffff40'],
    ['an array of two nothings', 'e0030240'],
    ['a map with a key alone', 'c1020140'],
    ['a hundred lists in one another', `${'c0ff01'.repeat(100)}45`],
    ['a hundred descriptors', `${'00'.repeat(100)}40`],
  ])('%s is refused', (_, hex) => {
    expect(() => new ValueReader(Buffer.from(hex, 'hex')).read()).toThrow(MalformedValue);
  });

  test('any bytes are read or refused, and never anything behind their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reader = new ValueReader(Buffer.from(bytes));
        try {
          reader.read();
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedValue);
        }
        expect(reader.at).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 5_000 },
    );
  });
});
