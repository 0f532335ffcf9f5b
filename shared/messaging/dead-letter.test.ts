import { expect, test } from 'vitest';
import { recordDeadLetter } from '../contracts/supervisor.ts';
import { read } from '../read.ts';
import { deadLetterOf } from './dead-letter.ts';

const MEGABYTE = 1024 * 1024;
const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
const deep = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) as Record<string, unknown>;

test.each<[string, Uint8Array, Record<string, unknown>]>([
  ['text', Buffer.from('{"kind":"Dance"}'), { messageId: 'm-1' }],
  ['nothing', Buffer.alloc(0), {}],
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00]), {}],
  ['a megabyte of text', Buffer.alloc(MEGABYTE, 'x'), {}],
  ['a megabyte of bytes', Buffer.alloc(MEGABYTE, 0xff), {}],
  ['a megabyte of control characters', Buffer.alloc(MEGABYTE, 1), {}],
  ['a megabyte of letters of two bytes', Buffer.from('ü'.repeat(MEGABYTE / 2)), {}],
  ['properties that JSON does not know', Buffer.from('x'), { big: 1n, cyclic, at: new Date(0) }],
  ['properties that nest deeply', Buffer.from('x'), deep],
  ['properties with half a character', Buffer.from('x'), { half: '\ud800' }],
  ['large properties', Buffer.from('x'), { large: 'y'.repeat(MEGABYTE) }],
])('D1 D2 a message of %s fits the route, its payload whole', (_, bytes, properties) => {
  const message = { bytes, partition: '0', sequenceNumber: 7, properties };
  const letter = deadLetterOf('domain-events', message, 'r'.repeat(5_000), 'tracking.parse');
  expect(read(recordDeadLetter.body, letter)).toMatchObject({ ok: true });
  expect(Buffer.byteLength(JSON.stringify(letter))).toBeLessThan(recordDeadLetter.maxBodyBytes);
  const kept = Buffer.from(letter.payload, letter.encoding === 'base64' ? 'base64' : 'utf8');
  expect(kept.equals(bytes)).toBe(true);
});

test('D2 a longer payload is cut, and the letter says so', () => {
  const bytes = Buffer.alloc(MEGABYTE + 1, 'x');
  const message = { bytes, partition: '0', sequenceNumber: 7, properties: {} };
  const letter = deadLetterOf('domain-events', message, 'not JSON', 'tracking.parse');
  expect(letter.reason).toBe('not JSON (the first 1048576 of 1048577 bytes)');
  expect(letter.payload).toHaveLength(MEGABYTE);
  expect(letter.cutFrom).toBe(MEGABYTE + 1);
});
