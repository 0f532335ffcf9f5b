/** Servers, pages and tests are TypeScript projects of their own: each knows the globals of the place where it runs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The complaints of the compiler about a file with this code in the project. */
function compile(project: string, code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'project-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'a.ts'), code);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const config = { extends: join(ROOT, project), include: [], exclude: [], files: ['a.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a project', { timeout: 60_000 }, () => {
  test.each([
    ['tsconfig.json', 'export const title = document.title;', "Cannot find name 'document'"],
    ['tsconfig.json', 'export const width = window.innerWidth;', "Cannot find name 'window'"],
    ['web/tsconfig.pages.json', 'export const pid = process.pid;', "Cannot find name 'process'"],
    ['web/tsconfig.pages.json', "export { join } from 'node:path';", 'node:path'],
  ])('%s refuses %s', (project, code, complaint) => {
    expect(compile(project, code)).toContain(complaint);
  });

  test.each([
    ['tsconfig.json', 'export const pid = process.pid;'],
    ['web/tsconfig.pages.json', 'export const title = document.title;'],
    ['tests/tsconfig.json', 'export const both = [document.title, process.pid];'],
  ])('%s accepts %s', (project, code) => {
    expect(compile(project, code)).toBe('');
  });
});
