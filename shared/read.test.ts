import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { describeErrors, parseJson, read, readJson } from './read.ts';

const Parcel = z.strictObject({
  name: z.string().min(1).max(10),
  tags: z.array(z.string()).min(1).optional(),
  extra: z.unknown().optional(),
});

/** Makes zod itself throw: its checks of length run although the type is wrong. */
const THROWING = { length: { toString: 0, valueOf: 0 } };

function nested(levels: number): unknown {
  return JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
}

describe('R1: nothing throws', () => {
  test('zod throws on the value that stopped partitions; read answers a field error', () => {
    expect(() => Parcel.safeParse({ name: THROWING })).toThrow(TypeError);
    expect(read(Parcel, { name: THROWING }, 'body')).toEqual({
      ok: false,
      errors: [{ path: 'body', message: 'is not valid' }],
    });
  });

  test.each([
    ['a text', '"x'],
    ['nothing', ''],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
  ])('%s that is not JSON is a field error', (_, input) => {
    expect(readJson(Parcel, input, 'body')).toMatchObject({ ok: false, errors: [{ path: 'body' }] });
  });

  test('a value that matches is given out as the schema has it', () => {
    expect(readJson(Parcel, '{"name":"a"}')).toEqual({ ok: true, value: { name: 'a' } });
  });
});

describe('R2: what is read can be hashed, copied, stored and compared', () => {
  test.each([65, 20_000])('%i levels are too many, in a field of any type, too', (levels) => {
    expect(read(Parcel, { name: 'a', extra: nested(levels) }, 'body')).toEqual({
      ok: false,
      errors: [{ path: 'body', message: 'is nested more than 64 levels deep' }],
    });
  });

  test('60 levels are not', () => {
    expect(read(Parcel, { name: 'a', extra: nested(60) }).ok).toBe(true);
  });

  test('half a character is refused, as a value and as a name', () => {
    expect(read(Parcel, { name: '\ud800' }, 'body')).toEqual({
      ok: false,
      errors: [{ path: 'body.name', message: 'is not well-formed Unicode' }],
    });
    expect(read(Parcel, { name: 'a', extra: { '\udc00': 1 } }).ok).toBe(false);
  });
});

describe('R3: errors name the field, never the value', () => {
  test('by its path', () => {
    const result = read(Parcel, { name: '', tags: [] }, 'body');
    expect(result.ok ? [] : result.errors.map(({ path }) => path)).toEqual(['body.name', 'body.tags']);
  });

  test('an unknown field', () => {
    expect(read(Parcel, { name: 'a', sekret: 1 }, 'body')).toEqual({
      ok: false,
      errors: [{ path: 'body.sekret', message: 'unknown field' }],
    });
  });

  test('a text that is not JSON is not repeated', () => {
    const parsed = parseJson('{"password": hunter2}', 'body');
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
    expect(parsed.ok).toBe(false);
  });

  test('at most 20 of them', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x${index}`, 1]));
    const result = read(Parcel, { name: 'a', ...many });
    expect(result.ok ? [] : result.errors).toHaveLength(20);
  });

  test('the first one in words', () => {
    expect(describeErrors([{ path: 'body.name', message: 'is needed' }])).toBe('body.name: is needed');
    expect(describeErrors([])).toBe('is not valid');
  });
});
