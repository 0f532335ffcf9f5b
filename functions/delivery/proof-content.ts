/**
 * Recognizes the content of a proof by its bytes, since a name or a declared type proves nothing. Pure.
 *
 * JPEG: ITU-T T.81 · PNG: https://www.w3.org/TR/png-3/ · WebP: https://developers.google.com/speed/webp/docs/riff_container ·
 * WAV: RIFF · MP3: ISO/IEC 11172-3 · Ogg: RFC 3533 · WebM: RFC 8794 · fingerprint records: ISO/IEC 19794-2 and -4
 */
import type { ConfirmationType } from '../../shared/contracts/common.ts';

export interface ProofContent {
  readonly contentType: string;
  /** Of a picture, in pixels. */
  readonly width?: number;
  readonly height?: number;
}

type Kind = Exclude<ConfirmationType, 'None'>;

interface Rule {
  readonly minBytes: number;
  /** The accepted kinds, as the end of a sentence. */
  readonly accepted: string;
  readonly recognize: (bytes: Buffer) => ProofContent | undefined;
}

const MIN_SIDE = 32;
const MAX_SIDE = 16_384;

const RULES: Readonly<Record<Kind, Rule>> = {
  Picture: {
    minBytes: 64,
    accepted: `a JPEG, PNG or WebP picture of ${MIN_SIDE} to ${MAX_SIDE} pixels a side`,
    recognize: (bytes) => {
      const picture = jpeg(bytes) ?? png(bytes) ?? webp(bytes);
      const fits = (side = 0) => side >= MIN_SIDE && side <= MAX_SIDE;
      return picture && fits(picture.width) && fits(picture.height) ? picture : undefined;
    },
  },
  Voice: {
    minBytes: 64,
    accepted: 'a WAV, MP3, Ogg or WebM recording',
    recognize: (bytes) => {
      const contentType = sound(bytes);
      return contentType === undefined ? undefined : { contentType };
    },
  },
  FingerPrint: {
    minBytes: 24,
    accepted: 'a finger record of ISO/IEC 19794-2 or 19794-4',
    recognize: (bytes) => {
      const isRecord =
        ['FMR\0', 'FIR\0'].includes(text(bytes, 0, 4)) && /^ ?[0-9]{2,3}\0?$/.test(text(bytes, 4, 8));
      return isRecord ? { contentType: 'application/octet-stream' } : undefined;
    },
  },
};

/** The recognized content, or the accepted kinds in words. */
export function recognizeProof(kind: Kind, bytes: Buffer): ProofContent | { readonly accepted: string } {
  const { minBytes, accepted, recognize } = RULES[kind];
  const content = bytes.length < minBytes ? undefined : recognize(bytes);
  return content ?? { accepted };
}

function text(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}

function png(bytes: Buffer): ProofContent | undefined {
  if (text(bytes, 0, 8) !== '\x89PNG\r\n\x1a\n' || text(bytes, 12, 16) !== 'IHDR') return undefined;
  return { contentType: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** Start-of-frame markers; C4, C8 and CC are not among them. */
const isStartOfFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function jpeg(bytes: Buffer): ProofContent | undefined {
  if (bytes.readUInt16BE(0) !== 0xff_d8) return undefined;
  for (let at = 2; at + 9 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
    } else if (isStartOfFrame(marker)) {
      return {
        contentType: 'image/jpeg',
        height: bytes.readUInt16BE(at + 5),
        width: bytes.readUInt16BE(at + 7),
      };
    } else {
      at += 2 + Math.max(2, bytes.readUInt16BE(at + 2));
    }
  }
  return undefined;
}

function webp(bytes: Buffer): ProofContent | undefined {
  if (text(bytes, 0, 4) !== 'RIFF' || text(bytes, 8, 12) !== 'WEBP') return undefined;
  const contentType = 'image/webp';
  switch (text(bytes, 12, 16)) {
    case 'VP8 ':
      return {
        contentType,
        width: bytes.readUInt16LE(26) & 0x3f_ff,
        height: bytes.readUInt16LE(28) & 0x3f_ff,
      };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { contentType, width: (bits & 0x3f_ff) + 1, height: ((bits >>> 14) & 0x3f_ff) + 1 };
    }
    case 'VP8X':
      return { contentType, width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

function sound(bytes: Buffer): string | undefined {
  if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 16) === 'WAVEfmt ') return 'audio/wav';
  if (text(bytes, 0, 5) === 'OggS\0') return 'audio/ogg';
  if (bytes.readUInt32BE(0) === 0x1a_45_df_a3 && text(bytes, 4, 64).includes('webm')) return 'audio/webm';
  return text(bytes, 0, 3) === 'ID3' || isMpegFrame(bytes.readUInt32BE(0)) ? 'audio/mpeg' : undefined;
}

/** A frame header: sync, then a version, a layer, a bit rate and a sampling rate that exist. */
function isMpegFrame(header: number): boolean {
  const [version, layer] = [(header >>> 19) & 3, (header >>> 17) & 3];
  const [bitRate, samplingRate] = [(header >>> 12) & 15, (header >>> 10) & 3];
  const sync = header >>> 21 === 0x7_ff;
  return sync && version !== 1 && layer !== 0 && bitRate !== 0 && bitRate !== 15 && samplingRate !== 3;
}
