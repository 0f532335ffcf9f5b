/**
 * Writes the log file of a part.
 *
 * G1 It needs at most three times MAX_BYTES: the file, and its two predecessors `.1` and `.2`.
 * G2 A file that cannot be written, as on a full disk, never throws: lines are dropped, and their number is written when there is
 *    room again.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export interface LogFile {
  write(chunk: string | Uint8Array): void;
  close(): void;
}

const MAX_BYTES = 10 * 1024 * 1024;
const MODE = 0o600;

/**
 * @param failed is called once with the reason, when the file can no longer be written
 * @param maxBytes of one file
 */
export function openLogFile(
  path: string,
  failed: (reason: string) => void,
  maxBytes: number = MAX_BYTES,
): LogFile {
  let file: number | undefined;
  let size = 0;
  let dropped = 0;

  const open = () => {
    file = openSync(path, 'a', MODE);
    ({ size } = fstatSync(file));
    return file;
  };
  const close = () => {
    const open = file;
    file = undefined;
    if (open !== undefined) closeSync(open);
  };
  const rotate = () => {
    close();
    move(`${path}.1`, `${path}.2`);
    move(path, `${path}.1`);
  };
  const append = (bytes: Uint8Array) => {
    let target = file ?? open();
    if (size > 0 && size + bytes.length > maxBytes) {
      rotate();
      target = open();
    }
    // A write that only partly finds room returns the length written; the next attempt throws.
    for (let at = 0; at < bytes.length; ) at += writeSync(target, bytes, at);
    size += bytes.length;
  };

  return {
    write: (chunk) => {
      const bytes = Buffer.from(chunk);
      try {
        if (dropped > 0) append(Buffer.from(`\n${dropped} bytes of this log could not be written\n`));
        dropped = 0;
        append(bytes);
      } catch (error) {
        // It is reopened at the next line: by then it may be a different file.
        close();
        if (dropped === 0) failed((error as Error).message);
        dropped += bytes.length;
      }
    },
    close,
  };
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
