import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '../docs/adr');

test('the decisions of docs/adr have the numbers 1, 2, 3 …, each once, in name and title alike', () => {
  const files = readdirSync(FOLDER).toSorted();
  expect(files.length).toBeGreaterThan(10);
  for (const [index, file] of files.entries()) {
    const number = index + 1;
    expect(file).toMatch(new RegExp(`^${String(number).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    expect(readFileSync(join(FOLDER, file), 'utf8')).toMatch(new RegExp(`^# ${number}\\. `));
  }
});
