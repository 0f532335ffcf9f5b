import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from './gateway.ts';

const MAIN_PAGE = '<!doctype html><title>main</title>';
const SCRIPT = 'console.log("hello");\n'.repeat(100);

let root: string;
let functions: Server;
/** `X-Forwarded-For` of the last call that reached the Function App. */
let forwardedFor: string | string[] | undefined;
let gateway: Gateway;
/** Connections that have had a request. */
const kept = new WeakSet<object>();

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'gateway-'));
  const pages = join(root, 'pages');
  mkdirSync(pages);
  writeFileSync(join(root, 'secret.txt'), 'secret');
  writeFileSync(join(pages, 'index.html'), MAIN_PAGE);
  writeFileSync(join(pages, 'api.html'), '<!doctype html><title>api</title>');
  writeFileSync(join(pages, 'main.js'), SCRIPT);
  writeFileSync(join(pages, 'main.js.gz'), gzipSync(SCRIPT));
  writeFileSync(join(pages, 'live.css'), 'body{}');
  functions = createServer((incoming, response) => {
    const isReused = kept.has(incoming.socket);
    kept.add(incoming.socket);
    if (incoming.url?.startsWith('/api/closing') && isReused) return void incoming.socket.destroy();
    forwardedFor = incoming.headers['x-forwarded-for'];
    response.end(`functions ${incoming.method} ${incoming.url}`);
  });
  functions.listen(0, '127.0.0.1');
  await once(functions, 'listening');
  gateway = await startGateway({
    port: 0,
    functions: `http://127.0.0.1:${(functions.address() as AddressInfo).port}`,
    tracking: 'http://127.0.0.1:1',
    pages,
    page: { issuer: 'http://127.0.0.1:7076', clientId: 'web', scope: 'openid', timeScale: 1 },
  });
});

afterAll(async () => {
  await gateway.close();
  functions.close();
  rmSync(root, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** The path goes out exactly as written. */
async function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const sent = request({ port: gateway.port, path, method, headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

const text = async (path: string) => (await ask(path)).body.toString();

test('M3 the API gets the caller’s address, and none that the caller has forged', async () => {
  await ask('/api/drones', { 'x-forwarded-for': '203.0.113.7' });
  expect(String(forwardedFor)).toMatch(/^(::ffff:)?127\.0\.0\.1$/);
});

describe('G1 methods', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    '%s of a page gets 405 and the methods',
    async (method) => {
      const { status, headers, body } = await ask('/', {}, method);
      expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
      expect(JSON.parse(body.toString())).toMatchObject({ code: 'method_not_allowed', status: 405 });
    },
  );

  test('HEAD has the headers of GET and no body', async () => {
    const { status, headers, body } = await ask('/main.js', {}, 'HEAD');
    expect([status, headers['content-length'], body.length]).toEqual([200, String(SCRIPT.length), 0]);
  });
});

describe('G2 paths', () => {
  test.each(['/', '/deliveries/abc', '/share/abc.def.ghi', '/fleets', '/deliveries/abc?from=mail', '/a//b'])(
    '%s is the main page',
    async (path) => {
      const { status, headers, body } = await ask(path);
      expect([status, headers['content-type'], body.toString()]).toEqual([
        200,
        'text/html;charset=utf-8',
        MAIN_PAGE,
      ]);
    },
  );

  test('/api-docs is the page of the API', async () => {
    expect(await text('/api-docs')).toContain('<title>api');
  });

  test.each([
    '/metrics',
    '/metrics/x',
    '/admin',
    '/admin/host/status',
    '/api',
    '/runtime/webhooks/durabletask',
    '/readyz',
    '/servingz',
    '/.env',
    '/.git/config',
    '/nothing.js',
    '/deliveries/main.css',
    '/favicon.ico',
  ])('%s gets a 404 problem', async (path) => {
    const { status, headers, body } = await ask(path);
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'not_found', status: 404 });
  });

  test('an unknown path below /api/ is answered by the Function App', async () => {
    expect(await text('/api/nothing?x=1')).toBe('functions GET /api/nothing?x=1');
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    '/pages/../../secret.txt',
    '/%',
    '/%00',
  ])('%s never leaves the folder of the pages', async (path) => {
    expect(await text(path)).not.toContain('secret');
  });

  test('a part that is down gets 503 with Retry-After', async () => {
    const { status, headers, body } = await ask('/track/abc');
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'dependency_unavailable' });
  });

  test('/config.json tells the pages where people sign in', async () => {
    expect(JSON.parse(await text('/config.json'))).toMatchObject({ issuer: 'http://127.0.0.1:7076' });
  });
});

describe('G3 transfer', () => {
  test('a file comes compressed to those who take that, and says that it varies', async () => {
    const { headers, body } = await ask('/main.js', { 'accept-encoding': 'gzip, br' });
    expect([headers['content-encoding'], headers['vary']]).toEqual(['gzip', 'Accept-Encoding']);
    expect(gunzipSync(body).toString()).toBe(SCRIPT);
    expect((await ask('/main.js')).headers['content-encoding']).toBeUndefined();
    writeFileSync(join(root, 'pages/live.css.br'), brotliCompressSync('body{}'));
    const small = await ask('/live.css', { 'accept-encoding': 'br' });
    expect([small.headers['content-encoding'], brotliDecompressSync(small.body).toString()]).toEqual([
      'br',
      'body{}',
    ]);
  });

  test('an ETag is answered by 304 until the file changes', async () => {
    const file = join(root, 'pages/main.js');
    const first = await ask('/main.js');
    expect(first.headers['cache-control']).toBe('no-cache');
    const validator = { 'if-none-match': String(first.headers['etag']) };
    const second = await ask('/main.js', validator);
    expect([second.status, second.body.length]).toEqual([304, 0]);
    utimesSync(file, new Date(), new Date(statSync(file).mtimeMs + 5_000));
    expect((await ask('/main.js', validator)).status).toBe(200);
  });

  test('a range gets its part; a form that is not honoured gets the whole file, and one behind the end gets 416', async () => {
    const part = await ask('/main.js', { range: 'bytes=8-10' });
    expect([part.status, part.body.toString(), part.headers['content-range']]).toEqual([
      206,
      SCRIPT.slice(8, 11),
      `bytes 8-10/${SCRIPT.length}`,
    ]);
    for (const range of ['bytes=-5', 'bytes=5-3', 'bytes=0-1,3-4', 'bytes=x', 'lines=1-2', 'bytes=']) {
      const whole = await ask('/main.js', { range });
      expect([range, whole.status, whole.body.length]).toEqual([range, 200, SCRIPT.length]);
    }
    expect((await ask('/main.js', { range: 'bytes=99999-' })).status).toBe(416);
  });

  test('every page has the security headers', async () => {
    for (const path of ['/', '/main.js', '/config.json', '/api-docs']) {
      const { headers } = await ask(path);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    }
  });
});

test('a socket that sends no HTTP, or an upgrade to a page, is closed and the gateway goes on', async () => {
  for (const bytes of [
    '\0\0\0\0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  ]) {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume().write(bytes);
    await once(socket, 'close');
  }
  expect((await ask('/')).status).toBe(200);
});

test.each([
  ['a name that was rebound to loopback', { host: 'evil.example' }],
  ['a page of another site', { origin: 'https://evil.example' }],
])('O1, O2: %s is refused, in a WebSocket too', async (_, headers) => {
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket' };
  expect((await ask('/config.json', headers)).status).toBe(403);
  expect((await ask('/api/x', headers)).status).toBe(403);
  expect((await ask('/fleet', { ...upgrade, ...headers })).status).toBe(403);
});

test.each(['GET', 'DELETE', 'POST'])(
  'G1 a %s on a connection that closes at that moment is served by another',
  async (method) => {
    const keep = { connection: 'keep-alive' };
    expect((await ask('/api/first', keep)).status).toBe(200);
    const { status, body } = await ask('/api/closing', keep, method);
    expect([status, body.toString()]).toEqual([200, `functions ${method} /api/closing`]);
  },
);

test('O2: a local page is served', async () => {
  expect((await ask('/config.json', { origin: 'http://localhost:3000' })).status).toBe(200);
});
