/**
 * Watches for a full disk: writes are refused until there is room, and then everything goes on by itself.
 *
 * D1 One line is logged when the first write is refused and one when a write succeeds again, no matter how many are refused in between.
 */

/** https://www.sqlite.org/rescode.html : SQLITE_FULL, and SQLITE_IOERR, as a write-ahead log meets it. */
const SQLITE_FULL = 13;
const SQLITE_IOERR = 10;
const PRIMARY_CODE = 0xff;
const NO_ROOM: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = Object(error) as { code?: unknown; errcode?: unknown };
  if (typeof errcode !== 'number') return NO_ROOM.has(code);
  return (errcode & PRIMARY_CODE) === SQLITE_FULL || (errcode & PRIMARY_CODE) === SQLITE_IOERR;
}

export interface DiskWatch {
  /** Records a failed write. Returns whether the disk is full. */
  refused(error: unknown): boolean;
  /** A write has reached the disk. */
  taken(): void;
}

export function createDiskWatch(say: (line: string) => void): DiskWatch {
  let isFull = false;
  return {
    refused: (error) => {
      if (!isDiskFull(error)) return false;
      if (!isFull) {
        const reason = error instanceof Error ? error.message : String(error);
        say(
          `the disk is full (${reason}): writes are refused until there is room, nothing that was answered is lost`,
        );
      }
      isFull = true;
      return true;
    },
    taken: () => {
      if (!isFull) return;
      isFull = false;
      say('the disk has room again: writes are taken');
    },
  };
}
