/**
 * Records the progress of a partition's log in a file beside it. With it, a start can distinguish a record torn by a crash from an
 * acknowledged one that is damaged, and never assigns a number twice, even if the log was lost.
 *
 * W1 The mark is written when the log is closed, and at most a second after an append; it never exceeds the acknowledged events.
 * W2 A mark that cannot be read counts as none.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface HighWaterMark {
  /** Number of the first event that had not been acknowledged when the mark was written; 0: there is no mark. */
  readonly next: number;
  /** `next` is acknowledged; written soon. */
  reached(next: number): void;
  /** Writes the mark. */
  close(): void;
}

const WRITE_AFTER_MS = 1_000;

export function openHighWaterMark(file: string): HighWaterMark {
  const next = readMark(file);
  let reached = next;
  let written = next;
  let timer: NodeJS.Timeout | undefined;
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    if (reached === written) return;
    try {
      writeFileSync(file, `${reached} ${crc32(String(reached))}\n`);
      written = reached;
    } catch {
      // The next append tries again: without the mark less damage is detected, but nothing is lost.
    }
  };
  return {
    next,
    reached: (to) => {
      reached = to;
      timer ??= setTimeout(write, WRITE_AFTER_MS).unref();
    },
    close: write,
  };
}

function readMark(file: string): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return 0;
  }
  const [, number = '', sum = ''] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
  return number !== '' && crc32(number) === Number(sum) ? Number(number) : 0;
}
