import { describe, expect, test } from 'vitest';
import { png } from './proof.fixture.ts';
import { recognizeProof } from './proof-content.ts';

const padded = (hex: string, more = 80) =>
  Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.alloc(more)]);
const ascii = (text: string, more = 80) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(more)]);

/** Heads of files as common programs write them. */
const JPEG = padded(
  'ffd8 ffe0 0010 4a464946 0001 0101 0048 0048 0000 ffdb 0004 0000 ffc2 0011 08 01e0 0280 03',
);
const PROGRESSIVE_WITH_EXIF = padded('ffd8 ffe1 0008 457869660000 ff ffc0 0011 08 0040 0030 03');
const WEBP_LOSSY = ascii('RIFF\x60\0\0\0WEBPVP8 \x50\0\0\0\x30\x01\0\x9d\x01\x2a\x80\x02\xe0\x01');
const WEBP_LOSSLESS = padded('52494646 60000000 57454250 5650384c 50000000 2f 3f03 c000', 80);
const WEBP_EXTENDED = padded('52494646 60000000 57454250 56503858 0a000000 10000000 3f0100 df0000', 80);

describe('a picture', () => {
  test.each([
    ['PNG', png(640, 480), 'image/png', 640, 480],
    ['JPEG', JPEG, 'image/jpeg', 640, 480],
    ['JPEG with Exif', PROGRESSIVE_WITH_EXIF, 'image/jpeg', 48, 64],
    ['lossy WebP', WEBP_LOSSY, 'image/webp', 640, 480],
    ['lossless WebP', WEBP_LOSSLESS, 'image/webp', 832, 769],
    ['extended WebP', WEBP_EXTENDED, 'image/webp', 320, 224],
  ])('in %s is recognized with its size', (_, bytes, contentType, width, height) => {
    expect(recognizeProof('Picture', bytes)).toEqual({ contentType, width, height });
  });

  test.each([
    ['text', ascii('this is not a picture at all')],
    ['HTML', ascii('<html><script>alert(1)</script></html>')],
    ['SVG', ascii('<svg xmlns="http://www.w3.org/2000/svg"></svg>')],
    ['GIF', ascii('GIF89a')],
    ['a recording', ascii('OggS\0')],
    ['one pixel', png(1, 1)],
    ['a head that is cut off', png(640, 480).subarray(0, 20)],
    ['a JPEG without a frame', padded('ffd8 ffe0 0010 4a464946 0001')],
    ['a JPEG whose segments lead nowhere', padded(`ffd8 ${'ffe0 0000 '.repeat(40)}`, 0)],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1_000)],
  ])('is not %s', (_, bytes) => {
    expect(recognizeProof('Picture', bytes)).toEqual({
      accepted: 'a JPEG, PNG or WebP picture of 32 to 16384 pixels a side',
    });
  });
});

describe('a recording', () => {
  test.each([
    ['audio/wav', ascii('RIFF\x60\0\0\0WAVEfmt ')],
    ['audio/ogg', ascii('OggS\0')],
    ['audio/webm', ascii('\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm')],
    ['audio/mpeg', ascii('ID3\x04')],
    ['audio/mpeg', padded('fffb9064')],
  ])('in %s is recognized', (contentType, bytes) => {
    expect(recognizeProof('Voice', bytes)).toEqual({ contentType });
  });

  test.each([
    ['a picture', png(640, 480)],
    ['a Matroska film', ascii('\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska')],
    ['a JPEG', JPEG],
    ['text', ascii('hello')],
    ['set bits', Buffer.alloc(100, 0xff)],
  ])('is not %s', (_, bytes) => {
    expect(recognizeProof('Voice', bytes)).toHaveProperty('accepted');
  });
});

describe('a fingerprint', () => {
  test.each([
    ['minutiae', ascii('FMR\0 20\0')],
    ['an image', ascii('FIR\x00010\0')],
  ])('is a record of %s', (_, bytes) => {
    expect(recognizeProof('FingerPrint', bytes)).toEqual({ contentType: 'application/octet-stream' });
  });

  test.each([
    ['a picture', png(640, 480)],
    ['text', ascii('FMR is short for Finger Minutiae Record')],
  ])('is not %s', (_, bytes) => {
    expect(recognizeProof('FingerPrint', bytes)).toHaveProperty('accepted');
  });
});

test('bytes of any kind are recognized or not, but nothing is thrown', () => {
  let seed = 7;
  const next = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
  const heads = ['ffd8', 'ffd8ffc0', '89504e470d0a1a0a', '52494646', '1a45dfa3', '464d5200', ''];
  for (let round = 0; round < 2_000; round++) {
    const head = Buffer.from(heads[round % heads.length] ?? '', 'hex');
    const tail = Buffer.from(Array.from({ length: next() % 120 }, () => (next() >> 8) % 256));
    for (const kind of ['Picture', 'Voice', 'FingerPrint'] as const) {
      expect(recognizeProof(kind, Buffer.concat([head, tail]))).toBeTypeOf('object');
    }
  }
});
