import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ConformanceTest, compatibilityPage, listConformanceTests } from './compatibility-page.ts';

const FILE = join(import.meta.dirname, '../COMPATIBILITY.md');
const SHOWN = { cosmos: 200, 'event-hubs': 120 };

test('COMPATIBILITY.md says what the conformance tests show; npm run compatibility writes it', async () => {
  const tests = await listConformanceTests();
  expect(readFileSync(FILE, 'utf8')).toBe(compatibilityPage(tests));
  // A title with bytes in it would make the page no text.
  const isText = (character: string) => (character >= ' ' || character === '\n') && character !== '\uFFFD';
  expect(Array.from(compatibilityPage(tests)).filter((character) => !isText(character))).toEqual([]);
  const count = (...servers: ConformanceTest['server'][]) =>
    tests.filter(({ server }) => servers.includes(server)).length;
  expect(count('cosmos')).toBeGreaterThanOrEqual(SHOWN.cosmos);
  expect(count('event-hubs')).toBeGreaterThanOrEqual(SHOWN['event-hubs']);
  expect(count('functions-host', 'durable')).toBeGreaterThanOrEqual(150);
}, 60_000);
