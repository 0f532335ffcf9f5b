import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;

beforeAll(async () => {
  const nowhere = 'http://127.0.0.1:1';
  const page = { issuer: nowhere, clientId: 'web', timeScale: 1 };
  gateway = await startGateway({
    port: 0,
    functions: nowhere,
    tracking: nowhere,
    pages: import.meta.dirname,
    page,
  });
});
afterAll(() => gateway.close());

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'a',
  'sec-websocket-version': '13',
};

function statusOf(path: string, headers: Record<string, string>): Promise<number | 'closed'> {
  return new Promise((resolve) => {
    const sent = request(
      { host: '127.0.0.1', port: gateway.port, path, headers, agent: false },
      (response) => {
        response.resume();
        resolve(Number(response.statusCode));
      },
    );
    sent.on('error', () => resolve('closed'));
    sent.end();
  });
}

test.each([
  ['a name that was rebound to loopback', { host: 'evil.example' }],
  ['a page of another site', { origin: 'https://evil.example' }],
])('O1, O2: %s is refused, in a WebSocket too', async (_, headers) => {
  expect(await statusOf('/config.json', headers)).toBe(403);
  expect(await statusOf('/fleet', { ...UPGRADE, ...headers })).toBe(403);
});

test('O1, O2: local pages are served', async () => {
  expect(await statusOf('/config.json', { origin: 'http://localhost:3000' })).toBe(200);
  expect(await statusOf('/fleet', { ...UPGRADE, origin: 'http://localhost:3000' })).toBe('closed');
});
