/** Requests that few clients send and every attacker does: answered as a real host was seen to answer them, or as its sources say. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hosted, host, KEYS, writeApp } from '../support/functions-host.ts';

const MAIN = `
const { app } = require('@azure/functions');
app.http('health', { route: 'healthz', handler: (r) => ({ jsonBody: { url: r.url } }) });
app.http('dump', { handler: (r) => ({ jsonBody: { headers: Object.fromEntries(r.headers), url: r.url } }) });
app.http('own', { handler: () => ({ headers: { 'x-frame-options': 'SAMEORIGIN' } }) });
app.http('zz_rest', { route: '{*path}', methods: ['GET', 'POST'], handler: (r) => ({ status: 410, jsonBody: r.params }) });
`;
const customHeaders = { 'X-Frame-Options': 'DENY', 'X-Content-Type-Options': 'nosniff' };
const settings = {
  IsEncrypted: false,
  Host: { CORS: 'http://pages.example, https://b.example', CORSCredentials: true },
};

let files: ReturnType<typeof writeApp>;
let app: Hosted;

beforeAll(async () => {
  files = writeApp(
    { 'main.cjs': MAIN, 'local.settings.json': JSON.stringify(settings) },
    { extensions: { http: { customHeaders } }, concurrency: { dynamicConcurrencyEnabled: false } },
  );
  app = await host(files.dir);
});
afterAll(async () => {
  await app.stop();
  files.remove();
});

/** The whole answer to bytes as they are. */
function raw(head: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  const socket = connect(app.port, '127.0.0.1', () =>
    socket.write(`${head}\r\nconnection: close\r\n\r\n`, 'latin1'),
  );
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.once('error', (error) => resolve(String(error)));
  socket.once('close', () => resolve(text));
  return promise;
}

const get = (path: string, ...lines: string[]) =>
  raw(
    [
      `GET ${path} HTTP/1.1`,
      ...(lines.some((line) => /^host:/i.test(line)) ? [] : ['host: localhost']),
      ...lines,
    ].join('\r\n'),
  );
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const bodyOf = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4);

describe('functions-host: unusual requests', () => {
  test.each([['/api/drones/../healthz'], ['/api/drones/%2e%2e/healthz'], ['/api/./healthz']])(
    'dot segments are resolved before routing: %s',
    async (path) => {
      const answer = await get(path);
      expect([statusOf(answer), bodyOf(answer)]).toEqual([200, '{"url":"http://localhost/api/healthz"}']);
    },
  );

  test.each([
    ['/api/drones//', { path: 'drones/' }],
    ['/api/drones/drone-1//', { path: 'drones/drone-1/' }],
    ['/api/deliveries//status', { path: 'deliveries//status' }],
  ])('a double slash is handed to a catch-all: %s', async (path, params) => {
    const answer = await get(path);
    expect([statusOf(answer), JSON.parse(bodyOf(answer))]).toEqual([410, params]);
  });

  test('a double slash behind the prefix is 404, a catch-all or not', async () => {
    expect(statusOf(await get('/api//drones'))).toBe(404);
  });

  test.each([
    ['%00 in the path', '/api/drones/a%00b', []],
    ['a header in Latin-1', '/api/healthz', ['x: caf\xe9']],
    ['an absolute target of another host', 'http://evil.example/api/healthz', []],
    ['two hosts', '/api/healthz', ['host: localhost', 'host: localhost']],
  ])('%s is an empty 400', async (_title, path, lines) => {
    const answer = await get(path, ...lines);
    expect([statusOf(answer), bodyOf(answer)]).toEqual([400, '']);
  });

  test('a header in UTF-8 arrives as it was meant', async () => {
    const answer = await get('/api/dump', 'x: caf\xc3\xa9');
    expect((JSON.parse(bodyOf(answer)) as { headers: object }).headers).toMatchObject({ x: 'café' });
  });

  test('two Authorization lines are one, joined by a comma', async () => {
    const answer = await get('/api/dump', 'authorization: Bearer a', 'authorization: Bearer b');
    expect((JSON.parse(bodyOf(answer)) as { headers: object }).headers).toMatchObject({
      authorization: 'Bearer a,Bearer b',
    });
  });

  test('differs: a length together with chunks is 400 (the real host takes the chunks, which lets requests be smuggled)', async () => {
    const head =
      'POST /api/dump HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked';
    expect(statusOf(await raw(head))).toBe(400);
  });

  test('differs: an answer with a body has its length (the real host sends chunks)', async () => {
    expect(await get('/api/healthz')).toMatch(/content-length: \d+/i);
  });

  test('differs: the home page is a sentence (the real host sends 150 KB)', async () => {
    expect(bodyOf(await get('/')).length).toBeLessThan(1_000);
  });
});

describe('functions-host: pages of other sites', () => {
  test('differs: a request with the Host of another machine is 403 (the real host serves it)', async () => {
    expect(statusOf(await get('/api/healthz', 'host: evil.example'))).toBe(403);
  });

  test('differs: a request of a page that is neither local nor in Host.CORS is 403 (the real host serves it)', async () => {
    expect(statusOf(await get('/api/healthz', 'origin: http://evil.example'))).toBe(403);
  });
});

describe('functions-host: CORS and headers of host.json', () => {
  test('a page of Host.CORS may read answers, with credentials where they are allowed', async () => {
    const answer = await get('/api/healthz', 'origin: http://pages.example');
    expect(statusOf(answer)).toBe(200);
    expect(answer).toMatch(/access-control-allow-origin: http:\/\/pages\.example\r\n/i);
    expect(answer).toMatch(/access-control-allow-credentials: true\r\n/i);
  });

  test('a preflight of a page of Host.CORS is answered by the host, for any method and header', async () => {
    const answer = await raw(
      [
        'OPTIONS /api/healthz HTTP/1.1',
        'host: localhost',
        'origin: https://b.example',
        'access-control-request-method: DELETE',
        'access-control-request-headers: x-mine',
      ].join('\r\n'),
    );
    expect(statusOf(answer)).toBe(204);
    expect(answer).toMatch(/access-control-allow-origin: https:\/\/b\.example\r\n/i);
    expect(answer).toMatch(/access-control-allow-methods: DELETE\r\n/i);
    expect(answer).toMatch(/access-control-allow-headers: x-mine\r\n/i);
  });

  test('customHeaders are sent with every answer, and a function’s own header wins', async () => {
    expect(await get('/api/healthz')).toMatch(/x-frame-options: DENY\r\n/i);
    expect(await get('/api/healthz')).toMatch(/x-content-type-options: nosniff\r\n/i);
    expect(await get('/api//x')).toMatch(/x-frame-options: DENY\r\n/i);
    const own = await get('/api/own');
    expect(own.match(/x-frame-options: .*\r\n/gi)).toEqual(['x-frame-options: SAMEORIGIN\r\n']);
  });
});

describe('functions-host: admin', () => {
  const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

  test.each([
    ['no credentials', [], 'Bearer'],
    ['a wrong key', ['x-functions-key: wrong'], 'Bearer'],
    ['a token that is none', ['authorization: Bearer nonsense'], 'Bearer error="invalid_token"'],
    [
      'a token of another issuer',
      [`authorization: Bearer ${token({ iss: 'http://127.0.0.1:1' })}`],
      `Bearer error="invalid_token", error_description="The issuer 'http://127.0.0.1:1' is invalid"`,
    ],
  ])('a 401 says how to authenticate, after %s', async (_title, lines, expected) => {
    for (const path of ['/admin/functions', '/runtime/webhooks/durabletask/instances/x']) {
      const answer = await get(path, ...lines);
      expect([statusOf(answer), /www-authenticate: (.*)\r\n/i.exec(answer)?.[1]]).toEqual([401, expected]);
    }
  });

  test('ping is not cached', async () => {
    expect(await get('/admin/host/ping')).toMatch(
      /cache-control: no-store,no-cache\r\npragma: no-cache\r\n/i,
    );
  });

  test('the status of a function that runs is empty', async () => {
    const answer = await get('/admin/functions/health/status', `x-functions-key: ${KEYS.master}`);
    expect([statusOf(answer), bodyOf(answer)]).toEqual([200, '{}']);
  });

  test('differs: the configuration of the host is what host.json says of it (the real host adds its defaults)', async () => {
    const answer = await get('/admin/host/config', `x-functions-key: ${KEYS.master}`);
    expect(JSON.parse(bodyOf(answer))).toEqual({
      extensions: { http: { customHeaders } },
      concurrency: { dynamicConcurrencyEnabled: false },
    });
    expect(statusOf(await get('/admin/host/config'))).toBe(401);
  });
});
