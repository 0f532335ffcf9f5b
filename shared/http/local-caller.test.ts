import { expect, test } from 'vitest';
import { foreignCaller, isLoopback } from './local-caller.ts';

const OURS = ['http://page.test', 'http://localhost:7070'];

test.each([
  { host: '127.0.0.1:8090' },
  { host: 'localhost' },
  { host: 'LOCALHOST:1' },
  { host: '[::1]:8090' },
  { host: 'tracking.localhost:80' },
  { host: 'page.test:8090' },
  { host: '127.0.0.1', origin: 'http://page.test' },
  { host: '127.0.0.1', origin: 'http://localhost:5173' },
  {},
])('%j may call', (headers) => {
  expect(foreignCaller(headers, OURS)).toBeUndefined();
});

test.each([
  { host: 'evil.example' },
  { host: 'evil.example:8090' },
  { host: '10.0.0.7:8090' },
  { host: '127.0.0.1.evil.example' },
  { host: 'localhost.evil.example' },
  { host: '' },
  { host: '127.0.0.1', origin: 'http://evil.example' },
  { host: '127.0.0.1', origin: 'null' },
  { host: '127.0.0.1', origin: 'http://127.0.0.1.evil.example' },
  { host: '127.0.0.1', origin: 'file://localhost' },
])('%j is refused with a reason', (headers) => {
  expect(foreignCaller(headers, OURS)).toMatch(/is not this machine|may not call/);
});

test('only loopback addresses are loopback', () => {
  expect(['127.0.0.1', '::1', 'localhost', '0.0.0.0', '10.1.2.3'].filter(isLoopback)).toEqual([
    '127.0.0.1',
    '::1',
    'localhost',
  ]);
});
