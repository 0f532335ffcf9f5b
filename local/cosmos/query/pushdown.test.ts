import { expect, test } from 'vitest';
import { parse } from './parser.ts';
import { filtersOf } from './pushdown.ts';

const filters = (where: string, keyPaths: readonly string[] = ['/cell']) =>
  filtersOf(parse(`SELECT * FROM c WHERE ${where}`), new Map([['@cell', 'b']]), keyPaths);

test.each([
  ["c.cell = 'a'", ['["a"]']],
  ["c.n > 1 AND c.cell IN ('a', @cell)", ['["a"]', '["b"]']],
  ['c.cell = 5', ['[5]']],
])('P3 %s is looked up among the partitions', (where, keys) => {
  expect(filters(where).find(({ sql }) => sql.startsWith('pk IN'))?.values).toEqual(keys);
});

test.each([
  ["c.other = 'a'", ['/cell']],
  ["c.cell > 'a'", ['/cell']],
  ["NOT (c.cell = 'a')", ['/cell']],
  ["c.cell = 'a' OR c.n = 1", ['/cell']],
  ["c.cell = 'a'", ['/cell', '/n']],
  ['c.cell = @none', ['/cell']],
])('P3 %s with the key %j is not', (where, keyPaths) => {
  expect(filters(where, keyPaths).filter(({ sql }) => sql.startsWith('pk IN'))).toEqual([]);
});
