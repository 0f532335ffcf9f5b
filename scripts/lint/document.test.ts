import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drawn } from './document.ts';
import { folders } from './graph.ts';

test('docs/architecture.md shows boundaries.ts as it is: run node scripts/architecture.ts', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/architecture.md'), 'utf8');
  expect(drawn(document)).toBe(document);
});

test('platform/ is above the product, the product above shared/, and local/ beside them', () => {
  const edges = folders()
    .split('\n')
    .filter((line) => line.includes('>'));
  expect(edges.filter((line) => line.includes('platform'))).toEqual([
    ...['functions', 'tracking', 'web', 'simulator'].map((part) => `  platform --> ${part}`),
    '  platform -.-> local',
  ]);
  for (const part of ['functions', 'tracking', 'web', 'simulator']) {
    expect(edges.filter((line) => line.startsWith(`  ${part} `))).toEqual([`  ${part} --> shared`]);
  }
  expect(edges.filter((line) => /^ {2}(shared|local) /.test(line))).toEqual([]);
});
