import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { isOfARun } from '../tests/temporary-folder.ts';

test('tests, and the processes that they start, put temporary files into the folder of the run', () => {
  expect(isOfARun(tmpdir())).toBe(true);
  const program = "process.stdout.write(require('node:os').tmpdir())";
  expect(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' })).toBe(tmpdir());
});
