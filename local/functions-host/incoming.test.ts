import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { readAsKestrel } from './incoming.ts';

/** A request as Node's parser gives it: bytes of headers as Latin-1. */
function request(url: string, lines: readonly (readonly [string, string])[] = [['host', 'h']]) {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) headers[name.toLowerCase()] ??= value;
  return { url, rawHeaders: lines.flat(), headers } as unknown as IncomingMessage;
}

test.each([
  ['/api/x', '/api/x'],
  ['/api/drones/../healthz', '/api/healthz'],
  ['/api/drones/%2e%2E/healthz?a=/../b', '/api/healthz?a=/../b'],
  ['/api/./x/.', '/api/x/'],
  ['/api/x/..', '/api/'],
  ['/../../x', '/x'],
  ['/api/.hidden/..x', '/api/.hidden/..x'],
  ['/api//x/..//y', '/api///y'],
  ['http://h/api/x', '/api/x'],
  ['http://h:80', '/'],
  ['http://h?a=1', '/?a=1'],
  ['*', '/'],
])('K2: the target %s is read as %s', (url, expected) => {
  const host = url.includes(':80') ? 'h:80' : 'h';
  const asked = request(url, [['host', host]]);
  expect(readAsKestrel(asked)).toBe(true);
  expect(asked.url).toBe(expected);
});

test.each([
  ['%00 in the path', request('/api/a%00b')],
  ['an absolute target of another host', request('http://evil.example/x')],
  ['an absolute target of another port', request('http://h:81/x', [['host', 'h']])],
  ['a target that is no path', request('api/x')],
  [
    'a header in Latin-1',
    request('/', [
      ['host', 'h'],
      ['x', 'caf\xe9'],
    ]),
  ],
  [
    'two hosts',
    request('/', [
      ['host', 'h'],
      ['Host', 'h'],
    ]),
  ],
])('K1: %s is a bad request', (_title, asked) => {
  expect(readAsKestrel(asked)).toBe(false);
});

test('K1: %00 in the query is the function’s', () => {
  expect(readAsKestrel(request('/api/x?a=%00'))).toBe(true);
});

test('K3: lines of one header are joined by commas, those that Node drops too; UTF-8 is read as such', () => {
  const asked = request('/', [
    ['host', 'h'],
    ['Authorization', 'Bearer a'],
    ['authorization', 'Bearer b'],
    ['x', 'cafÃ©'],
    ['accept', 'a'],
    ['accept', 'b'],
  ]);
  expect(readAsKestrel(asked)).toBe(true);
  expect(asked.headers).toEqual({ host: 'h', authorization: 'Bearer a,Bearer b', x: 'café', accept: 'a,b' });
});
