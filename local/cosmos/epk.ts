/**
 * Computes effective partition keys: the place of a key on the ring that the physical partitions divide.
 *
 * E1 The texts are those that the SDKs compute (version 2 of the hash; several levels are hashed one by one and joined), so
 *    that a range with the client's bounds contains the same items here.
 *
 * MurmurHash3 x64 128: https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */

/** Type markers before the bytes of a value. */
const UNDEFINED = 0x00;
const NULL = 0x01;
const FALSE = 0x02;
const TRUE = 0x03;
const NUMBER = 0x05;
const STRING = 0x08;
const END_OF_STRING = 0xff;

const MASK = 0xffff_ffff_ffff_ffffn;
const C1 = 0x87c3_7b91_1142_53d5n;
const C2 = 0x4cf5_ad43_2745_937fn;

const cache = new Map<string, string>();
const CACHED_KEYS = 10_000;

/** Upper-case hexadecimal text of a key's components; `{}` and undefined both stand for an absent one. */
export function effectiveKey(components: readonly unknown[], several: boolean): string {
  const key = `${several ? 'm' : 's'}${JSON.stringify(components)}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = several ? components.map((component) => hashOf([component])).join('') : hashOf(components);
    if (cache.size >= CACHED_KEYS) cache.clear();
    cache.set(key, found);
  }
  return found;
}

function hashOf(components: readonly unknown[]): string {
  const hash = murmur128(Buffer.concat(components.map(bytesOf))).reverse();
  hash[0] = (hash[0] as number) & 0x3f;
  return hash.toString('hex').toUpperCase();
}

function bytesOf(component: unknown): Buffer {
  if (typeof component === 'string')
    return Buffer.concat([Buffer.of(STRING), Buffer.from(component), Buffer.of(END_OF_STRING)]);
  if (typeof component === 'number') {
    const bytes = Buffer.alloc(9);
    bytes[0] = NUMBER;
    bytes.writeDoubleLE(component, 1);
    return bytes;
  }
  if (typeof component === 'boolean') return Buffer.of(component ? TRUE : FALSE);
  return Buffer.of(component === null ? NULL : UNDEFINED);
}

const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & MASK;
const times = (a: bigint, b: bigint) => (a * b) & MASK;

function finish(x: bigint): bigint {
  let k = x;
  k = times(k ^ (k >> 33n), 0xff51_afd7_ed55_8ccdn);
  k = times(k ^ (k >> 33n), 0xc4ce_b9fe_1a85_ec53n);
  return k ^ (k >> 33n);
}

/** Seed 0; 16 bytes, the first half first, each half little-endian. */
export function murmur128(data: Buffer): Buffer {
  let [h1, h2] = [0n, 0n];
  const blocks = data.length >> 4;
  for (let block = 0; block < blocks; block++) {
    const k1 = data.readBigUInt64LE(block * 16);
    const k2 = data.readBigUInt64LE(block * 16 + 8);
    h1 ^= times(rotate(times(k1, C1), 31n), C2);
    h1 = (times((rotate(h1, 27n) + h2) & MASK, 5n) + 0x52dc_e729n) & MASK;
    h2 ^= times(rotate(times(k2, C2), 33n), C1);
    h2 = (times((rotate(h2, 31n) + h1) & MASK, 5n) + 0x3849_5ab5n) & MASK;
  }
  const tail = Buffer.alloc(16);
  data.copy(tail, 0, blocks * 16);
  h2 ^= times(rotate(times(tail.readBigUInt64LE(8), C2), 33n), C1);
  h1 ^= times(rotate(times(tail.readBigUInt64LE(0), C1), 31n), C2);
  const length = BigInt(data.length);
  h1 ^= length;
  h2 ^= length;
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(h1, 0);
  out.writeBigUInt64LE(h2, 8);
  return out;
}
