import { expect, test } from 'vitest';
import { help, readPlatformOptions } from './options.ts';

test('every option that help names is read, and every option that is read stands in help', () => {
  const named = [...help().matchAll(/^ {2}--([\w-]+)( [A-Z]+)?/gm)].map(([, name, value]) => ({
    name,
    value,
  }));
  expect(named.map(({ name }) => name)).toContain('inspect');
  for (const { name, value } of named) {
    if (name === 'help') continue;
    const standard = { 'port-base': '9000', seed: '7', drones: '20', speed: '2.5' }[name ?? ''] ?? 'x';
    expect(() => readPlatformOptions([`--${name}`, ...(value ? [standard] : [])])).not.toThrow();
  }
});

test.each([
  ['--drones', '1.5'],
  ['--drones', '0x10'],
  ['--drones', '1e2'],
  ['--drones', '0'],
  ['--drones', '5001'],
  ['--port-base', '80'],
  ['--speed', '0.5'],
  ['--speed', ''],
])('%s %j is refused with the range and the usage', (name, value) => {
  expect(() => readPlatformOptions([name, value])).toThrow(/must be a (whole )?number from .*\nnpm start --/);
});

test('a speed may be a fraction', () => {
  expect(readPlatformOptions(['--speed', '1.5']).speed).toBe(1.5);
});

test('a debugger is for those who ask for it', () => {
  expect(readPlatformOptions([]).inspect).toBe(false);
  expect(readPlatformOptions(['--inspect']).inspect).toBe(true);
});
