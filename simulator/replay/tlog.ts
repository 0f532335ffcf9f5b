/**
 * Reads MAVLink telemetry logs (tlog): records of eight bytes of time and a frame. Only GLOBAL_POSITION_INT frames are used.
 *
 * T1 A frame with a wrong checksum is ignored; reading continues at the next byte.
 *
 * https://mavlink.io/en/guide/serialization.html, https://mavlink.io/en/messages/common.html#GLOBAL_POSITION_INT
 */
import type { Fix } from './fix.ts';

interface Version {
  readonly headerBytes: number;
  readonly messageId: (frame: Buffer) => number;
  readonly isSigned: (frame: Buffer) => boolean;
}

const VERSIONS: Readonly<Record<number, Version>> = {
  0xfe: { headerBytes: 6, messageId: (frame) => frame.readUInt8(5), isSigned: () => false },
  0xfd: {
    headerBytes: 10,
    messageId: (frame) => frame.readUIntLE(7, 3),
    isSigned: (frame) => (frame.readUInt8(2) & 1) === 1,
  },
};
const CHECKSUM_BYTES = 2;
const SIGNATURE_BYTES = 13;
const GLOBAL_POSITION_INT = { id: 33, bytes: 28, checksumExtra: 104 };

export function readTlog(log: Buffer): Fix[] {
  const fixes: Fix[] = [];
  for (let at = 0; at < log.length; ) {
    const frame = frameAt(log, at);
    if (!frame) {
      at += 1;
      continue;
    }
    if (frame.payload) fixes.push(fixOf(frame.payload));
    at += frame.bytes;
  }
  return fixes;
}

/** The payload of GLOBAL_POSITION_INT; absent for another message, whose checksum cannot be verified. */
function frameAt(log: Buffer, at: number): { readonly bytes: number; readonly payload?: Buffer } | undefined {
  const version = VERSIONS[log[at] as number];
  if (!version || at + version.headerBytes > log.length) return undefined;
  const payloadBytes = log.readUInt8(at + 1);
  const end = at + version.headerBytes + payloadBytes;
  const header = log.subarray(at, at + version.headerBytes);
  const bytes = end - at + CHECKSUM_BYTES + (version.isSigned(header) ? SIGNATURE_BYTES : 0);
  if (at + bytes > log.length) return undefined;
  if (version.messageId(header) !== GLOBAL_POSITION_INT.id)
    return isFollowed(log, at + bytes) ? { bytes } : undefined;
  if (checksum(log.subarray(at + 1, end)) !== log.readUInt16LE(end)) return undefined;
  // Version 2 leaves out zeros at the end.
  const payload = Buffer.alloc(GLOBAL_POSITION_INT.bytes);
  log.copy(payload, 0, at + version.headerBytes, end);
  return { bytes, payload };
}

/** A frame is followed by the end, or by the time of the next record and its frame. */
function isFollowed(log: Buffer, end: number): boolean {
  const TIME_BYTES = 8;
  return end === log.length || (log[end + TIME_BYTES] as number) in VERSIONS;
}

/** Degrees times 10⁷, millimetres, milliseconds since the start. */
function fixOf(payload: Buffer): Fix {
  return {
    at: payload.readUInt32LE(0) / 1000,
    position: {
      latitude: payload.readInt32LE(4) / 1e7,
      longitude: payload.readInt32LE(8) / 1e7,
      altitude: payload.readInt32LE(12) / 1000,
    },
  };
}

/** CRC-16/MCRF4XX with the byte that stands for the message's definition. */
function checksum(bytes: Buffer): number {
  let crc = 0xffff;
  for (const byte of [...bytes, GLOBAL_POSITION_INT.checksumExtra]) {
    let low = byte ^ (crc & 0xff);
    low = (low ^ (low << 4)) & 0xff;
    crc = ((crc >> 8) ^ (low << 8) ^ (low << 3) ^ (low >> 4)) & 0xffff;
  }
  return crc;
}
