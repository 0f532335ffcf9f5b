import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRecording } from './recordings.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(name: string, content: string | Buffer) {
  const file = join(folder, name);
  await writeFile(file, content);
  return readRecording(file);
}

/** North of the first point at the end, m, rounded. */
const northOf = ({ points }: { readonly points: readonly { readonly north: number }[] }) =>
  Math.round(points.at(-1)?.north ?? 0);

/** Ten seconds north at 0.0001 degrees (11.1 m) a second. */
const flight = Array.from({ length: 11 }, (_, second) => ({
  second,
  latitude: 47.6 + second * 1e-4,
  longitude: -122.3,
}));
const METRES = 111;

describe('subtitles', () => {
  const clock = (second: number) => `00:00:${String(second).padStart(2, '0')},000`;
  const styles: Record<string, (at: (typeof flight)[number]) => string> = {
    'GPS with a barometer': ({ second, latitude, longitude }) =>
      `${clock(second)} --> ${clock(second + 1)}\nHOME(-122.3,47.6) 2017.08.05 14:11:51\nGPS(${longitude},${latitude},16) BAROMETER:1.9`,
    'GPS in a line of values': ({ second, latitude, longitude }) =>
      `${clock(second)} --> ${clock(second + 1)}\nF/2.8, SS 30.15, GPS (${longitude}, ${latitude}, 17), D 221.21m, H 200.70m, H.S n/a`,
    'brackets with a timecode': ({ second, latitude, longitude }) =>
      `${clock(second)} --> ${clock(second + 1)}\n<font size="36">FrameCnt : 1\n2020-04-02 15:19:58,720,764\n[latitude : ${latitude}] [longtitude : ${longitude}] [altitude: 213.98] </font>`,
    'brackets with a date alone, as mavic_2_style.SRT': ({ second, latitude, longitude }) =>
      `2017.08.05 14:11:${String(second + 40)},393,525,393,525\n[latitude : ${latitude}] [longtitude : ${longitude}] [iso : 100]`,
    'brackets, spelled rightly': ({ second, latitude, longitude }) =>
      `${clock(second)} --> ${clock(second + 1)}\n[latitude: ${latitude}] [longitude: ${longitude}] [rel_alt: 1.2 abs_alt: 3.4]`,
  };
  const srt = (blocks: readonly string[]) =>
    blocks.map((block, index) => `${index + 1}\n${block}\n`).join('\n');

  test.each(Object.entries(styles))('%s', async (_, style) => {
    for (const [name, end] of [
      ['unix.SRT', '\n'],
      ['windows.srt', '\r\n'],
    ] as const) {
      const track = await read(name, `\uFEFF${srt(flight.map(style)).replaceAll('\n', end)}`);
      expect([track.points.length, track.points.at(-1)?.at, northOf(track)]).toEqual([11, 10, METRES]);
      expect(track.skipped).toEqual({ withoutPosition: 0, outOfReach: 0 });
    }
  });

  const style = styles['GPS with a barometer'] as (at: (typeof flight)[number]) => string;

  test('R1 one wild first fix, and one in the middle, are skipped and counted (R11)', async () => {
    const wild = flight.map((fix, index) =>
      index === 0 || index === 5 ? { ...fix, latitude: 12, longitude: 34 } : fix,
    );
    const track = await read('wild.SRT', srt(wild.map(style)));
    expect([track.points.length, northOf(track)]).toEqual([9, METRES - 11]);
    expect(track.skipped).toEqual({ withoutPosition: 0, outOfReach: 2 });
  });

  test('R1 blocks before the fix, with 0, 0 or N/A, are no part of the flight (R10)', async () => {
    const zeros = flight.map((fix) => (fix.second < 4 ? { ...fix, latitude: 0, longitude: 0 } : fix));
    const track = await read('zeros.SRT', srt(zeros.map(style)));
    expect([track.points.length, northOf(track), track.skipped.withoutPosition]).toEqual([7, 67, 4]);
    const texts = flight.map((fix) =>
      fix.second < 4 ? style(fix).replace(/GPS\(.*?,.*?,/, 'GPS(N/A,N/A,') : style(fix),
    );
    expect((await read('texts.SRT', srt(texts))).points).toHaveLength(7);
  });

  test.each([
    ['an empty file (R11)', '', 'the file is empty'],
    ['no positions', srt(['00:00:01,000 --> 00:00:02,000\nISO:100']), 'no positions in this recording'],
    [
      'positions without a time (R11)',
      srt(['GPS(8,47,16)', 'GPS(8,47.1,16)']),
      'its positions have no times: neither timecodes',
    ],
    [
      'one usable position',
      srt([style(flight[0] as (typeof flight)[number])]),
      'fewer than two of its 1 positions are usable',
    ],
    [
      'zeros only',
      srt(flight.map((fix) => style({ ...fix, latitude: 0, longitude: 0 }))),
      'fewer than two of its 11',
    ],
    ['other text', 'hello', 'no positions in this recording'],
  ])('%s is refused in words that name the file', async (_, text, reason) => {
    await expect(read('bad.SRT', text)).rejects.toThrow(`${join(folder, 'bad.SRT')}: ${reason}`);
  });

  test('the samples are flights', async () => {
    expect((await readRecording('p4_rtk.SRT')).points).toHaveLength(55);
    expect((await readRecording('mavic_pro.SRT')).points).toHaveLength(468);
    await expect(readRecording('none.SRT')).rejects.toThrow(
      'none.SRT: there is no such file, and no sample recording',
    );
  });
});

describe('MAVLink logs', () => {
  interface Message {
    readonly time: number;
    readonly latitude: number;
    readonly longitude: number;
  }

  /** CRC-16/MCRF4XX, bit by bit. */
  function crc(bytes: Buffer): number {
    let value = 0xffff;
    for (const byte of bytes) {
      value ^= byte;
      for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >> 1) ^ 0x8408 : value >> 1;
    }
    return value;
  }

  function payloadOf({ time, latitude, longitude }: Message): Buffer {
    const payload = Buffer.alloc(28);
    payload.writeUInt32LE(time, 0);
    payload.writeInt32LE(latitude, 4);
    payload.writeInt32LE(longitude, 8);
    payload.writeInt32LE(50_000, 12);
    return payload;
  }

  function record(header: Buffer, payload: Buffer, extra: number, rest = Buffer.alloc(0)): Buffer {
    const frame = Buffer.concat([header, payload]);
    const checksum = Buffer.alloc(2);
    checksum.writeUInt16LE(crc(Buffer.concat([frame.subarray(1), Buffer.of(extra)])));
    return Buffer.concat([Buffer.alloc(8, 5), frame, checksum, rest]);
  }

  const version1 = (message: Message) => record(Buffer.of(0xfe, 28, 0, 1, 1, 33), payloadOf(message), 104);
  /** Zeros at the end of the payload are left out. */
  const version2 = (message: Message, signature = 0) => {
    const payload = payloadOf(message).subarray(0, 14);
    return record(
      Buffer.of(0xfd, payload.length, signature ? 1 : 0, 0, 0, 1, 1, 33, 0, 0),
      payload,
      104,
      Buffer.alloc(signature, 0xfe),
    );
  };
  const heartbeat = record(Buffer.of(0xfe, 9, 0, 1, 1, 0), Buffer.alloc(9, 0xfd), 50);
  const messages: Message[] = flight.map(({ second, latitude, longitude }) => ({
    time: second * 1000,
    latitude: Math.round(latitude * 1e7),
    longitude: Math.round(longitude * 1e7),
  }));

  test.each([
    ['version 1', (message: Message) => version1(message)],
    ['version 2', (message: Message) => version2(message)],
    ['version 2, signed', (message: Message) => version2(message, 13)],
  ])('%s, among other messages', async (_, write) => {
    const log = Buffer.concat(messages.flatMap((message) => [heartbeat, write(message)]));
    const track = await read('flight.tlog', log);
    expect([track.points.length, track.points.at(-1)?.at, northOf(track)]).toEqual([11, 10, METRES]);
  });

  test('R1 a log that begins without a fix is the flight after it (R10)', async () => {
    for (const [latitude, longitude] of [
      [0, 0],
      [0x7fffffff, 0x7fffffff],
    ] as const) {
      const without = messages.map((message) =>
        message.time < 4_000 ? { ...message, latitude, longitude } : message,
      );
      const track = await read('late.tlog', Buffer.concat(without.map(version1)));
      expect([track.points.length, northOf(track)]).toEqual([7, 67]);
      expect(track.skipped).toEqual({ withoutPosition: 4, outOfReach: 0 });
    }
  });

  test('T1 a damaged frame, bytes between frames and a torn end cost what they hit', async () => {
    const frames = messages.map(version1);
    const damaged = frames.map((frame, index) =>
      index === 3 ? Buffer.from(frame).fill(0xaa, 20, 24) : frame,
    );
    const log = Buffer.concat([
      Buffer.from('garbage'),
      ...damaged.slice(0, 6),
      Buffer.of(0xfe, 0xfd, 1),
      ...damaged.slice(6),
    ]);
    const track = await read('damaged.tlog', log.subarray(0, log.length - 5));
    expect([track.points.length, track.points.at(-1)?.at]).toEqual([9, 9]);
  });

  test('a log without positions is refused', async () => {
    await expect(read('still.tlog', heartbeat)).rejects.toThrow('no positions in this recording');
  });
});
