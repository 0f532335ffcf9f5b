/**
 * A layer under node:fs that remembers which bytes of a folder's logs are on the disk, and which are in the machine's cache
 * alone: a kill -9 does not lose the latter, a power cut does.
 *
 * A write on a descriptor with O_DSYNC is on disk when it returns, with what came before it in its file; fdatasync brings
 * everything. Folders count as on disk, as ext4 and APFS have them after the first synced write to a new file.
 */
import fs, { constants } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number };

interface File {
  onDisk: Buffer;
  /** In the cache, oldest first. */
  readonly cached: Change[];
}

export interface LossyDisk extends Disposable {
  /** Makes in `target` the logs as a power cut would leave them now. `survives` decides for each sector of the cache. */
  cutPower(target: string, survives: () => boolean): void;
}

/** A disk writes sectors whole. */
const SECTOR = 512;

/** For logs that are made in `folder` from now on. `broken`: descriptors do not sync, as if O_DSYNC and fdatasync were not there. */
export function startLossyDisk(folder: string, { broken = false } = {}): LossyDisk {
  const { closeSync, fdatasync, ftruncateSync, openSync, writeSync, writev } = fs;
  const real = { closeSync, fdatasync, ftruncateSync, openSync, writeSync, writev };
  const files = new Map<string, File>();
  const opened = new Map<number, { readonly file: File; readonly syncs: boolean }>();

  const settle = (file: File, count: number) => {
    if (broken) return;
    for (const change of file.cached.splice(0, count)) file.onDisk = applied(file.onDisk, change);
  };
  const note = (fd: number, change: Change) => {
    const entry = opened.get(fd);
    entry?.file.cached.push(change);
    return entry;
  };
  const patch = (functions: Partial<Record<keyof typeof fs, unknown>>) => {
    Object.assign(fs, functions);
    syncBuiltinESMExports();
  };

  patch({
    openSync: (path: string, flags: number, ...rest: []) => {
      const fd = real.openSync(path, flags, ...rest);
      if (dirname(path) === folder) {
        const file = files.get(path) ?? { onDisk: Buffer.alloc(0), cached: [] };
        files.set(path, file);
        opened.set(fd, { file, syncs: (flags & constants.O_DSYNC) === constants.O_DSYNC });
      }
      return fd;
    },
    closeSync: (fd: number) => {
      opened.delete(fd);
      real.closeSync(fd);
    },
    ftruncateSync: (fd: number, size: number) => {
      real.ftruncateSync(fd, size);
      note(fd, { kind: 'truncate', size });
    },
    writeSync: (fd: number, bytes: Buffer, offset: number, length: number, at: number) => {
      const written = real.writeSync(fd, bytes, offset, length, at);
      const copy = Buffer.from(bytes.subarray(offset, offset + written));
      const entry = note(fd, { kind: 'write', at, bytes: copy });
      if (entry?.syncs) settle(entry.file, entry.file.cached.length);
      return written;
    },
    writev: (
      fd: number,
      buffers: Buffer[],
      at: number,
      done: (error: Error | null, written: number) => void,
    ) => {
      const entry = note(fd, { kind: 'write', at, bytes: Buffer.concat(buffers) });
      const count = entry?.file.cached.length ?? 0;
      real.writev(fd, buffers, at, (error, written) => {
        if (!error && entry?.syncs) settle(entry.file, count);
        done(error, written);
      });
    },
    fdatasync: (fd: number, done: (error: Error | null) => void) => {
      const entry = opened.get(fd);
      const count = entry?.file.cached.length ?? 0;
      real.fdatasync(fd, (error) => {
        if (!error && entry) settle(entry.file, count);
        done(error);
      });
    },
  });

  return {
    cutPower: (target, survives) => {
      fs.mkdirSync(target, { recursive: true });
      for (const [path, { onDisk, cached }] of files) {
        const left = cached.flatMap((change) => partsOf(change).filter(survives)).reduce(applied, onDisk);
        fs.writeFileSync(join(target, basename(path)), left);
      }
    },
    [Symbol.dispose]: () => patch(real),
  };
}

function partsOf(change: Change): Change[] {
  if (change.kind === 'truncate') return [change];
  const parts: Change[] = [];
  for (let begin = 0; begin < change.bytes.length; ) {
    const at = change.at + begin;
    const end = Math.min(change.bytes.length, begin + SECTOR - (at % SECTOR));
    parts.push({ kind: 'write', at, bytes: change.bytes.subarray(begin, end) });
    begin = end;
  }
  return parts;
}

function applied(content: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') {
    return Buffer.concat([content.subarray(0, change.size)], change.size);
  }
  const grown = Buffer.concat([content], Math.max(content.length, change.at + change.bytes.length));
  change.bytes.copy(grown, change.at);
  return grown;
}
