/** Makes a proof in the form of the API: base64 of at most 180 KiB. Pictures are scaled down; other files must be small. */

export type ProofKind = 'Picture' | 'Voice' | 'FingerPrint';

const LARGEST_BYTES = 135_000;
const LONGEST_SIDE = 1_024;

const TYPES: Readonly<Record<ProofKind, RegExp>> = {
  Picture: /^image\//,
  Voice: /^audio\//,
  FingerPrint: /./,
};
const WRONG_TYPE: Readonly<Record<ProofKind, string>> = {
  Picture: 'This file is not a picture.',
  Voice: 'This file is not a recording.',
  FingerPrint: 'The type of this file is unknown.',
};

/** @throws RangeError with a sentence for the person, when the file is of another kind or cannot be made small enough */
export async function proofOf(kind: ProofKind, file: Blob): Promise<string> {
  if (!TYPES[kind].test(file.type)) throw new RangeError(WRONG_TYPE[kind]);
  const blob = kind === 'Picture' && file.size > LARGEST_BYTES ? await shrunk(file) : file;
  if (blob.size > LARGEST_BYTES) throw new RangeError('This file is too large: at most 135 KB.');
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

async function shrunk(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), 'image/jpeg', 0.7));
}
