import { expect, test } from 'vitest';
import { createHostCheck, isLoopback } from './host-check.ts';

test.each([
  ['localhost', true],
  ['LOCALHOST', true],
  ['account.blob.localhost', true],
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['[::1]', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['evillocalhost', false],
  ['2130706433', false],
  ['', false],
])('%s is loopback: %s', (name, expected) => {
  expect(isLoopback(name)).toBe(expected);
});

test('O1, O2: a name that is configured may be called and may call', () => {
  const check = createHostCheck({ hosts: [' Devbox ', ''] });
  expect(check({ host: 'devbox:7071' })).toBeUndefined();
  expect(check({ host: 'localhost', origin: 'https://devbox' })).toBeUndefined();
  expect(check({ host: 'localhost', origin: 'ftp://devbox' })).toMatch(/may not call/);
  expect(check({ host: 'devbox.evil.example' })).toMatch(/not this machine/);
});

test('O2: origins that are configured, or all of them, may call, but not by another host name', () => {
  const one = createHostCheck({ hosts: [], origins: ['https://Pages.example'] });
  expect(one({ host: 'localhost', origin: 'https://pages.example' })).toBeUndefined();
  expect(one({ host: 'localhost', origin: 'http://pages.example' })).toMatch(/may not call/);
  const all = createHostCheck({ hosts: [], origins: ['*'] });
  expect(all({ host: 'localhost', origin: 'https://any.example' })).toBeUndefined();
  expect(all({ host: 'pages.example', origin: 'https://any.example' })).toMatch(/not this machine/);
});

test('a request without Host, as in HTTP/1.0, is not of a page', () => {
  expect(createHostCheck({ hosts: [] })({})).toBeUndefined();
});
