/**
 * Reads a request's body: at most as many bytes as its route allows, and only once the caller is known.
 *
 * B1 A declared length above the limit is refused unread; an undeclared one as soon as the limit is passed.
 * B2 A compressed body is refused: the limit would not bound its real size.
 */
import { AppError } from '../errors.ts';
import { MAX_BODY_BYTES } from './define-route.ts';

/** The bytes, or a function that gets them; undefined if there are none. */
export type BodySource = Uint8Array | undefined | (() => Promise<Uint8Array | undefined>);

export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** @throws AppError `body_too_large` (413) or `unsupported_media_type` (415) */
export async function readBody(
  source: BodySource,
  headers: RequestHeaders,
  most: number = MAX_BODY_BYTES,
): Promise<Uint8Array | undefined> {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  if (encoding && encoding !== 'identity') {
    throw new AppError('unsupported_media_type', 'send the body without compression', {
      errors: [{ path: 'header.content-encoding', message: 'is not supported' }],
    });
  }
  if (Number(headers['content-length'] ?? 0) > most) throw tooLarge(most);
  const bytes = typeof source === 'function' ? await source() : source;
  if (bytes && bytes.byteLength > most) throw tooLarge(most);
  return bytes;
}

/** Collects a stream; stops it at the limit. @throws AppError `body_too_large` */
export async function collect(
  stream: ReadableStream<Uint8Array>,
  most: number = MAX_BODY_BYTES,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(most: number): AppError {
  const message = `is larger than ${most} bytes`;
  return new AppError('body_too_large', `the body ${message}`, { errors: [{ path: 'body', message }] });
}
