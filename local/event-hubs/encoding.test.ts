import { describe, expect, test } from 'vitest';
import { described, list, long, map, NULL, string, symbol, ValueReader } from './amqp/values.ts';
import {
  inspect,
  MalformedMessage,
  readRequest,
  runtimeMetric,
  splitBatch,
  stamp,
  writeReply,
} from './encoding.ts';

const DATA = Buffer.from([0x00, 0x53, 0x75, 0xa0, 1, 42]);
const HEADER = described(0x70, list());
const annotated = (...entries: Buffer[]) => Buffer.concat([HEADER, described(0x72, map(...entries)), DATA]);
const STAMP = {
  sequenceNumber: 5_000_000_000,
  offset: '5000000000',
  enqueuedTime: 1_700_000_000_000,
  partitionKey: undefined,
};

/** Names and values of the annotations, in order, repeated ones too. */
function annotationsOf(message: Buffer): [unknown, unknown][] {
  const at = message.indexOf(Buffer.from([0x00, 0x53, 0x72]));
  const bytes = message.subarray(at + 3);
  const count = bytes[0] === 0xc1 ? (bytes[2] as number) : bytes.readUInt32BE(5);
  const reader = new ValueReader(bytes, bytes[0] === 0xc1 ? 3 : 9);
  return Array.from({ length: count / 2 }, () => [reader.read(), reader.read()]);
}

describe('a stamp', () => {
  test('adds what the broker says', () => {
    expect(annotationsOf(stamp(DATA, STAMP))).toEqual([
      ['x-opt-sequence-number', 5_000_000_000],
      ['x-opt-offset', '5000000000'],
      ['x-opt-enqueued-time', 1_700_000_000_000],
    ]);
  });

  test('keeps the sender’s annotations, and replaces what only the broker may say', () => {
    const message = annotated(
      symbol('mine'),
      string('x'),
      symbol('x-opt-offset'),
      string('7'),
      symbol('x-opt-sequence-number'),
      long(7),
    );
    expect(annotationsOf(stamp(message, STAMP)).map(([name]) => name)).toEqual([
      'mine',
      'x-opt-sequence-number',
      'x-opt-offset',
      'x-opt-enqueued-time',
    ]);
  });

  test('adds the key once', () => {
    const keyed = annotated(symbol('x-opt-partition-key'), string('k'));
    for (const message of [DATA, keyed]) {
      const names = annotationsOf(stamp(message, { ...STAMP, partitionKey: 'k' }));
      expect(names.filter(([name]) => name === 'x-opt-partition-key')).toEqual([
        ['x-opt-partition-key', 'k'],
      ]);
    }
  });

  test('leaves header and body byte for byte, with the metric between', () => {
    const metric = runtimeMetric({ sequenceNumber: -1, offset: '-1', enqueuedTime: 0 }, 9);
    const stamped = stamp(annotated(symbol('a'), NULL), STAMP, metric);
    expect(stamped.subarray(0, HEADER.length)).toEqual(HEADER);
    expect(stamped.subarray(HEADER.length, HEADER.length + metric.length)).toEqual(metric);
    expect(stamped.subarray(-DATA.length)).toEqual(DATA);
  });
});

describe('a message', () => {
  test('tells its key and what its producer says', () => {
    const message = annotated(
      symbol('x-opt-partition-key'),
      string('k'),
      symbol('com.microsoft:producer-id'),
      long(3),
      symbol('com.microsoft:producer-epoch'),
      long(0),
      symbol('com.microsoft:producer-sequence-number'),
      long(9),
    );
    expect(inspect(message)).toEqual({ partitionKey: 'k', producing: { id: 3, epoch: 0, sequence: 9 } });
  });

  test.each<[string, Buffer]>([
    ['without a body', HEADER],
    ['with sections in another order', Buffer.concat([DATA, HEADER])],
    ['with an unknown section', described(0x79, list())],
    ['with annotations that are no map', Buffer.concat([described(0x72, list()), DATA])],
    ['whose map claims more than it has', Buffer.concat([Buffer.from([0, 0x53, 0x72, 0xc1, 1, 200]), DATA])],
    ['that is cut short', DATA.subarray(0, 4)],
  ])('%s is refused', (_, message) => {
    expect(() => inspect(message)).toThrow(MalformedMessage);
  });
});

const FOOTER = described(0x78, map(symbol('a'), NULL));

test.each([
  ['behind the body, as the standard has it', Buffer.concat([HEADER, DATA, FOOTER])],
  ['before the body, as the JavaScript SDK writes it', Buffer.concat([HEADER, FOOTER, DATA])],
])('a footer is taken %s', (_, message) => {
  expect(inspect(message)).toEqual({ partitionKey: undefined, producing: undefined });
});

test.each([
  ['two footers', Buffer.concat([FOOTER, DATA, FOOTER])],
  ['a footer alone', FOOTER],
  ['annotations behind the footer', Buffer.concat([FOOTER, described(0x72, map()), DATA])],
])('%s is no message', (_, message) => {
  expect(() => inspect(message)).toThrow(MalformedMessage);
});

test('a batch is cut into its messages', () => {
  const key = described(0x72, map(symbol('x-opt-partition-key'), string('k')));
  const one = Buffer.concat([Buffer.from([0, 0x53, 0x75, 0xa0, DATA.length]), DATA]);
  expect(splitBatch(Buffer.concat([key, one, one]))).toEqual({ partitionKey: 'k', messages: [DATA, DATA] });
  expect(() => splitBatch(key)).toThrow(MalformedMessage);
});

test('a reply repeats the message id in its own type', () => {
  const id = long(77);
  const request = readRequest(
    Buffer.concat([
      described(0x73, list(id, NULL, NULL, NULL, string('me'))),
      described(0x74, map(string('operation'), string('READ'))),
      described(0x77, string('body')),
    ]),
  );
  expect(request).toMatchObject({ messageId: id, replyTo: 'me', body: 'body' });
  expect(request.properties.get('operation')).toBe('READ');
  expect(writeReply(request, { status: 200, description: 'OK' }).includes(id)).toBe(true);
});
