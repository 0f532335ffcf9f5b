/**
 * Finds the partition of a partition key by the service's rule: Bob Jenkins' lookup3 (http://burtleburtle.net/bob/c/lookup3.c,
 * public domain), the halves xored, the low 16 bits signed, modulo the count. Sums are of doubles until a bit operation folds them
 * to 32 bits, like the SDK's own mapper, which a test compares.
 */
export function partitionOf(key: string, count: number): number {
  const { b, c } = lookup3(Buffer.from(key, 'utf8'));
  const hash = ((c ^ b) << 16) >> 16;
  return Math.abs(hash % count);
}

const rotate = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));

function lookup3(data: Buffer): { b: number; c: number } {
  const start = (0xdeadbeef + data.length) | 0;
  let [a, b, c] = [start, start, start];
  let at = 0;
  let size = data.length;
  while (size > 12) {
    a = (a + data.readUInt32LE(at)) | 0;
    b = (b + data.readUInt32LE(at + 4)) | 0;
    c = (c + data.readUInt32LE(at + 8)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
    at += 12;
    size -= 12;
  }
  if (size === 0) return { b: b >>> 0, c: c >>> 0 };
  const tail = Buffer.alloc(12);
  data.copy(tail, 0, at);
  a = (a + tail.readUInt32LE(0)) | 0;
  b = (b + tail.readUInt32LE(4)) | 0;
  c = (c + tail.readUInt32LE(8)) | 0;
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  c = (c ^ b) - rotate(b, 24);
  return { b: b >>> 0, c: c >>> 0 };
}
