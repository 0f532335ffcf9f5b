/**
 * What a client can do wrong to the HTTP front: bytes that are no HTTP, routes, keys, admin and Durable requests made of odd parts.
 * 2,000 requests here, `FUZZ_RUNS=100000` in the long run; `FUZZ_SEED` repeats one.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hosted, host, KEYS, writeApp } from '../support/functions-host.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 32);
const CONNECTIONS = 16;
const LONGEST_MS = 20_000;
const GROWTH_MIB = 60;

const MAIN = `
const { app } = require('@azure/functions');
const df = require('durable-functions');
const all = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];
app.http('echo', { methods: all, route: 'echo/{a?}/{b:int?}', handler: async (r) => ({ jsonBody: { params: r.params, query: [...r.query], body: (await r.text()).length } }) });
app.http('rest', { methods: all, route: 'rest/{*all}', handler: (r) => ({ jsonBody: r.params }) });
app.http('regex', { methods: all, route: 'rx/{x:regex(^a+b$)}/{y:length(1,5)}.{z}', handler: (r) => ({ jsonBody: r.params }) });
app.http('guarded', { methods: all, authLevel: 'function', handler: () => ({ body: 'in' }) });
df.app.orchestration('quick', function* (context) { return context.df.getInput(); });
df.app.orchestration('waits', function* (context) { return yield context.df.waitForExternalEvent('go'); });
df.app.entity('counter', (context) => { context.df.setState((Number(context.df.getState(() => 0)) || 0) + 1); });
`;

/** https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const next = random(SEED);
const below = (n: number) => Math.floor(next() * n);
const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
const chance = (of: number) => next() < of;

const ODD = [
  '',
  '%',
  '%2',
  '%zz',
  '%00',
  '%2F',
  '%252F',
  '%c3%28',
  '%F0%9F%98%80',
  '..',
  '.',
  '//',
  '\\',
  "'",
  '"',
  '<',
  '{x}',
  '{',
  '}',
  '*',
  '@',
  '@a',
  '@a@',
  '@counter@k',
  '#',
  '?',
  '&',
  ';',
  '=',
  '+',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-1',
  '0',
  '1e309',
  '99999999999999999999',
  'a'.repeat(300),
  'a'.repeat(4_000),
  '😀',
  'é',
  '\u202e',
  "';DROP TABLE instances;--",
  '{{7*7}}',
  '$',
  '$(id)',
  '%s%n',
  'INSTANCEID',
  '2026-13-45T99:99:99Z',
  '2026-01-01',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
];
const WORDS = [
  'api',
  'echo',
  'rest',
  'rx',
  'guarded',
  'admin',
  'host',
  'functions',
  'keys',
  'status',
  'ping',
  'runtime',
  'webhooks',
  'durabletask',
  'instances',
  'orchestrators',
  'entities',
  'quick',
  'waits',
  'counter',
  'raiseEvent',
  'terminate',
  'suspend',
  'resume',
  'rewind',
  'restart',
  'purge',
  'go',
  'x',
  'y',
];
const PARAMETERS = [
  'code',
  'taskHub',
  'connection',
  'showHistory',
  'showHistoryOutput',
  'showInput',
  'createdTimeFrom',
  'createdTimeTo',
  'runtimeStatus',
  'top',
  'instanceIdPrefix',
  'reason',
  'op',
  'signalTime',
  'fetchState',
  'restartWithNewInstanceId',
  'returnInternalServerErrorOnFailure',
  'pollingInterval',
  'a',
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'get'];
const CODES = [
  KEYS.master,
  KEYS.master,
  KEYS.master,
  KEYS.master,
  KEYS.host,
  KEYS.system.durabletask_extension,
  'wrong',
  '',
  '%00',
  'x'.repeat(2_000),
];
const BODIES = [
  '',
  '{}',
  'null',
  'true',
  '"x"',
  '[1,2',
  '{"input":',
  '{"a":1}',
  '{"__proto__":{"x":1}}',
  '\u0000\u0001',
  '1e400',
  '[[[[[[[[[[]]]]]]]]]]',
  'x'.repeat(5_000),
  '{"value":"k"}',
];

const part = () => (chance(0.5) ? one(WORDS) : chance(0.8) ? one(ODD) : one(WORDS) + one(ODD));
const API = '/runtime/webhooks/durabletask';
function path(): string {
  const some = () => Array.from({ length: below(5) }, part).join('/');
  switch (below(6)) {
    case 0:
      return `/api/${one(['echo', 'rest', 'rx'])}/${some()}`;
    case 1:
      return `/admin/${one(['host', 'functions', some()])}/${some()}`;
    case 2:
      return `${API}/orchestrators/${chance(0.6) ? one(['quick', 'waits']) : part()}/${chance(0.7) ? part() : some()}`;
    case 3:
      return `${API}/instances/${part()}/${chance(0.7) ? one(['raiseEvent/go', 'terminate', 'suspend', 'resume', 'rewind', 'restart', '']) : some()}`;
    case 4:
      return `${API}/entities/${chance(0.6) ? 'counter' : part()}/${part()}`;
    default:
      return `/${some()}`;
  }
}
function query(): string {
  const values = () =>
    chance(0.5) ? one(ODD) : one(['true', 'false', 'Running,Failed', '3', '0.05', 'Storage']);
  const pairs = Array.from(
    { length: below(4) },
    () => `${chance(0.85) ? one(PARAMETERS) : one(ODD)}=${values()}`,
  );
  if (chance(0.7)) pairs.push(`code=${one(CODES)}`);
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

interface Attempt {
  readonly bytes: Buffer;
  /** Not well formed: the client says at its end that no more comes. */
  readonly isBroken: boolean;
  readonly isGuardedWithoutKey: boolean;
}

function attempt(): Attempt {
  if (chance(0.1)) {
    const key = one([
      '',
      'x-functions-key: wrong\r\n',
      `x-functions-key: ${KEYS.system.durabletask_extension}\r\n`,
    ]);
    const text = `GET /api/guarded${chance(0.5) ? '?code=wrong' : ''} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${key}\r\n`;
    return { bytes: Buffer.from(text), isBroken: false, isGuardedWithoutKey: true };
  }
  const body = Buffer.from(one(BODIES));
  // What cannot stand in a request line at all makes the request a broken one.
  const target = `${path()}${query()}`.replace(/[^\x21-\x7e]/gu, (character) =>
    chance(0.95) ? encodeURIComponent(character) : character,
  );
  const headers = ['host: localhost', 'connection: close'];
  const isChunked = chance(0.1);
  headers.push(isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`);
  if (chance(0.7))
    headers.push(
      `content-type: ${one(['application/json', 'text/plain', 'application/json; charset=utf-8', '', ';;', 'x'.repeat(500)])}`,
    );
  if (chance(0.3)) headers.push(`x-functions-key: ${one(CODES)}`);
  if (chance(0.1)) headers.push(`x-ms-continuation-token: ${one(ODD).replace(/[^\x20-\x7e]/g, '')}`);
  if (chance(0.1)) headers.push(`traceparent: ${one(ODD).replace(/[^\x20-\x7e]/g, '')}`);
  if (chance(0.02)) headers.push(`x-long: ${'h'.repeat(40_000)}`);
  const sent = isChunked
    ? Buffer.concat([
        Buffer.from(`${body.length.toString(16)}\r\n`),
        body,
        Buffer.from(body.length > 0 ? '\r\n0\r\n\r\n' : '\r\n'),
      ])
    : body;
  const whole = Buffer.concat([
    Buffer.from(`${one(METHODS)} ${target} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`),
    sent,
  ]);
  return chance(0.3)
    ? { bytes: broken(whole), isBroken: true, isGuardedWithoutKey: false }
    : { bytes: whole, isBroken: false, isGuardedWithoutKey: false };
}

/** Bytes changed, taken out, doubled, cut off, or none of it HTTP. */
function broken(whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  switch (below(5)) {
    case 0:
      for (let i = 0; i < 1 + below(8); i++) bytes[below(bytes.length)] = below(256);
      return bytes;
    case 1:
      return bytes.subarray(0, below(bytes.length));
    case 2: {
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(20))]);
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, below(bytes.length)), bytes]);
    default:
      return Buffer.from(Array.from({ length: below(300) }, () => below(256)));
  }
}

/** The status, 0 where the connection was closed without one; `undefined` when it took longer than it may. */
function perform({ bytes, isBroken }: Attempt, port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  let head = '';
  const socket = connect(port, '127.0.0.1', () => {
    if (isBroken) socket.end(bytes);
    else socket.write(bytes);
  });
  const late = setTimeout(() => {
    resolve(undefined);
    socket.destroy();
  }, LONGEST_MS);
  socket.on('data', (chunk: Buffer) => {
    if (head.length < 20) head += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearTimeout(late);
    resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0));
  });
  return promise;
}

const rssMiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

let files: ReturnType<typeof writeApp>;
let app: Hosted;
beforeAll(async () => {
  files = writeApp({ 'main.cjs': MAIN }, { logging: { logLevel: { default: 'Error' } } });
  // The size that the old generation may take is set, so that what grows is what is kept, not what is not yet collected.
  app = await host(files.dir, { env: { NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=96' } });
});
afterAll(async () => {
  await app.stop();
  files.remove();
});

describe('functions-host: odd and malformed requests', () => {
  test(
    `${RUNS} of them: every one is answered or refused within a second, nothing fails inside, memory stays`,
    async () => {
      console.log(`FUZZ_SEED=${SEED}`);
      const late: string[] = [];
      const opened: string[] = [];
      const statuses = new Map<number, number>();
      let begun = 0;
      let before = Number.NaN;
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          while (begun < RUNS) {
            if (++begun === Math.floor(RUNS / 2) && process.platform === 'linux')
              before = rssMiB(app.child.pid ?? 0);
            const request = attempt();
            const status = await perform(request, app.port);
            if (status === undefined) late.push(request.bytes.toString('latin1').slice(0, 300));
            else statuses.set(status, (statuses.get(status) ?? 0) + 1);
            if (request.isGuardedWithoutKey && status !== 401)
              opened.push(`${status}: ${request.bytes.toString()}`);
          }
        }),
      );
      console.log(JSON.stringify(Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b))));
      expect(late).toEqual([]);
      expect(opened).toEqual([]);
      expect(app.child.exitCode).toBeNull();
      expect((await app.call('GET', '/admin/host/ping')).status).toBe(200);
      const failed = app
        .output()
        .split('\n')
        .filter((line) => line.includes('"category":"Host.Http"'));
      expect(failed).toEqual([]);
      if (process.platform !== 'linux') return;
      const after = rssMiB(app.child.pid ?? 0);
      console.log(`RSS ${before.toFixed(0)} MiB in the middle, ${after.toFixed(0)} MiB at the end`);
      expect(after - before).toBeLessThan(GROWTH_MIB);
    },
    60_000 + RUNS * 20,
  );
});
