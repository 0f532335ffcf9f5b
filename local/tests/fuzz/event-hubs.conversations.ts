/** Good conversations of real clients with the broker, recorded, and what becomes of them when they are damaged. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

/** What a client sent: the protocol headers and frames, one by one. */
export type Conversation = readonly Buffer[];

/** Lets `talk` speak with the broker on `port` through a proxy; the bytes that it sends, cut into frames. */
export async function record(port: number, talk: (port: number) => Promise<void>): Promise<Conversation[]> {
  const sent: Buffer[][] = [];
  const proxy = createServer((client) => {
    const chunks: Buffer[] = [];
    sent.push(chunks);
    const server = connect(port, '127.0.0.1');
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  await talk((proxy.address() as AddressInfo).port);
  proxy.close();
  return sent.map((chunks) => framesOf(Buffer.concat(chunks)));
}

function framesOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const size = bytes.toString('latin1', at, at + 4) === 'AMQP' ? 8 : bytes.readUInt32BE(at);
    found.push(bytes.subarray(at, at + size));
    at += size;
  }
  return found;
}

/** Numbers from a seed: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (mulberry32, public domain) */
export function createRandom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: <T>(from: readonly T[]): T => from[below(from.length)] as T };
}

export type Random = ReturnType<typeof createRandom>;

const FOREIGN = [
  'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'AMQP\x00\x00\x09\x01',
  'AMQP\x02\x01\x00\x00',
  'AMQP\x03\x02\x00\x00',
  'AMQP\x00',
  'MQTT',
  '\0'.repeat(64),
].map((text) => Buffer.from(text, 'latin1'));

/** Type codes with something to say about length, and codes that are none. */
const CODES = [
  0x00, 0x40, 0x43, 0x45, 0x70, 0x80, 0x98, 0xa0, 0xb0, 0xa1, 0xb1, 0xa3, 0xc0, 0xd0, 0xc1, 0xd1, 0xe0, 0xf0,
  0x3f, 0xff,
];
const NUMBERS = [0, 1, 7, 8, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 1024 * 1024 + 1];

const withLength = (frame: Buffer): Buffer => {
  const copy = Buffer.from(frame);
  if (copy.length >= 4) copy.writeUInt32BE(copy.length, 0);
  return copy;
};

const framed = (body: Buffer, type = 0): Buffer =>
  withLength(Buffer.concat([Buffer.from([0, 0, 0, 0, 2, type, 0, 0]), body]));

type Damage = (frame: Buffer, random: Random) => Buffer;

const DAMAGES: Readonly<Record<string, Damage>> = {
  'flipped bits': (frame, random) => {
    const copy = Buffer.from(frame);
    for (let n = random.below(4); n >= 0; n--) copy[random.below(copy.length)] = random.below(256);
    return copy;
  },
  'cut short': (frame, random) => frame.subarray(0, random.below(frame.length)),
  'cut short, with the right length': (frame, random) =>
    withLength(frame.subarray(0, 8 + random.below(Math.max(1, frame.length - 8)))),
  'a wrong length': (frame, random) => {
    const copy = Buffer.from(frame);
    if (copy.length >= 4) copy.writeUInt32BE(random.pick(NUMBERS), 0);
    return copy;
  },
  'a length a little off': (frame, random) => {
    const copy = Buffer.from(frame);
    copy.writeUInt32BE(Math.max(0, copy.length + random.below(9) - 4), 0);
    return copy;
  },
  'a wrong type': (frame, random) => {
    const copy = Buffer.from(frame);
    copy[8 + random.below(Math.max(1, copy.length - 8))] = random.pick(CODES);
    return copy;
  },
  'a wrong number': (frame, random) => {
    const copy = Buffer.from(frame);
    if (copy.length > 16) copy.writeUInt32BE(random.pick(NUMBERS), 8 + random.below(copy.length - 12));
    return copy;
  },
  'bytes put in': (frame, random) => {
    const at = Math.min(frame.length, 8 + random.below(frame.length));
    const more = Buffer.from(Array.from({ length: 1 + random.below(16) }, () => random.below(256)));
    return withLength(Buffer.concat([frame.subarray(0, at), more, frame.subarray(at)]));
  },
  'another channel': (frame, random) => {
    const copy = Buffer.from(frame);
    copy.writeUInt16BE(random.pick([0, 1, 2, 255, 511, 512, 65_535]), 6);
    return copy;
  },
  'another performative': (frame, random) => {
    const copy = Buffer.from(frame);
    if (copy.length > 10)
      copy[10] = random.pick([0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x41]);
    return copy;
  },
  'nested deeply': (_, random) =>
    framed(Buffer.alloc(1 + random.below(20_000), random.pick([0x00, 0xc0, 0xd0, 0xe0])), random.below(2)),
  'a list of millions': (_, random) => {
    const body = Buffer.from([
      0x00,
      0x53,
      random.pick([0x10, 0x12, 0x14]),
      0xd0,
      0,
      0,
      0,
      8,
      0xff,
      0xff,
      0xff,
      0xff,
    ]);
    return framed(Buffer.concat([body, Buffer.alloc(4, 0x40)]));
  },
  'an array of millions of nothing': () =>
    framed(
      Buffer.from([
        0x00, 0x53, 0x10, 0xc0, 12, 1, 0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40, 0x40, 0x40,
      ]),
    ),
  'a range of billions': () =>
    framed(Buffer.from([0x00, 0x53, 0x15, 0xc0, 9, 4, 0x41, 0x43, 0x70, 0xff, 0xff, 0xff, 0xff, 0x41])),
  noise: (_, random) => Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256))),
  'another protocol': (_, random) => random.pick(FOREIGN),
};

export const KINDS: readonly string[] = [
  ...Object.keys(DAMAGES),
  'frames in another order',
  'a frame twice',
  'a frame left out',
];

/** One conversation with something wrong in it. */
export function damage(
  conversation: Conversation,
  random: Random,
): { readonly kind: string; readonly bytes: Buffer } {
  const frames = [...conversation];
  const kind = random.pick(KINDS);
  const at = random.below(frames.length);
  const [frame = Buffer.alloc(8)] = frames.slice(at, at + 1);
  const other = random.below(frames.length);
  if (kind === 'frames in another order') [frames[at], frames[other]] = [frames[other] as Buffer, frame];
  else if (kind === 'a frame twice') frames.splice(other, 0, frame);
  else if (kind === 'a frame left out') frames.splice(at, 1);
  else frames[at] = DAMAGES[kind]?.(frame, random) ?? frame;
  return { kind, bytes: Buffer.concat(frames) };
}
