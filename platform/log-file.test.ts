import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLogFile } from './log-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-file-'));
  file = join(folder, 'part.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const never = (reason: string) => expect.unreachable(reason);
const read = (suffix = '') => readFileSync(file + suffix, 'utf8');

describe('G1 the size is bounded', () => {
  test('by the file and two predecessors, of which the oldest goes', () => {
    const log = openLogFile(file, never, 100);
    for (let line = 10; line < 50; line += 1) log.write(`${line}${'.'.repeat(7)}\n`);
    log.close();
    expect([read('.2').length, read('.1').length, read().length]).toEqual([100, 100, 100]);
    expect([read('.2').slice(0, 2), read('.1').slice(0, 2), read().slice(0, 2)]).toEqual(['20', '30', '40']);
    expect(existsSync(`${file}.3`)).toBe(false);
  });

  test('also over several starts, and one chunk is never cut in two files', () => {
    for (let start = 0; start < 10; start += 1) {
      const log = openLogFile(file, never, 100);
      log.write('x'.repeat(60));
      log.close();
    }
    expect([statSync(file).size, statSync(`${file}.1`).size]).toEqual([60, 60]);
  });

  test('the owner alone reads it', () => {
    const log = openLogFile(file, never);
    log.write('secret\n');
    log.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe.skipIf(!existsSync('/dev/full'))('G2 a full disk (skipped where there is no /dev/full)', () => {
  test('throws nothing, is told once, and the number of lost bytes is written when there is room', () => {
    symlinkSync('/dev/full', file);
    const reasons: string[] = [];
    const log = openLogFile(file, (reason) => reasons.push(reason));
    for (let line = 0; line < 5; line += 1) log.write('12345678\n');
    expect(reasons).toEqual([expect.stringContaining('ENOSPC')]);
    rmSync(file);
    log.write('again\n');
    log.close();
    expect(read()).toBe('\n45 bytes of this log could not be written\nagain\n');
  });
});

test('a folder that is gone is no reason to throw', () => {
  const reasons: string[] = [];
  const log = openLogFile(join(folder, 'none/part.log'), (reason) => reasons.push(reason));
  log.write('x');
  expect(reasons).toEqual([expect.stringContaining('ENOENT')]);
  log.close();
});
