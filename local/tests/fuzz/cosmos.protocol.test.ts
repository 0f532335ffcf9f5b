/**
 * Malformed requests and queries: the server answers each within a second, never with 500, goes on, and keeps its memory.
 * `FUZZ_RUNS` sets the number of requests, `FUZZ_SEED` repeats a run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request as send } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CosmosClient } from '@azure/cosmos';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMULATOR_KEY } from '../../cosmos/auth.ts';
import { type Malformed, malformed, raw } from './cosmos.requests.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const AT_ONCE = 40;
const MAX_MS = 20_000;
/** With a leak the server runs out of it. */
const HEAP_MEGABYTES = 64;
/** The process grows by what is young and dead, too: little of it. */
const NURSERY_MEGABYTES = 4;
/** After a warm-up of a tenth of the requests. */
const MAX_GROWTH_KILOBYTES = 96 * 1024;
const ENTRY = join(import.meta.dirname, '../../cosmos/main.ts');

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let folder: string;
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cosmos-fuzz-'));
  server = fork(ENTRY, ['--port', '0', '--data', folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`, `--max-semi-space-size=${NURSERY_MEGABYTES}`],
  });
  [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const client = connectClient();
  const { database } = await client.databases.create({ id: 'fuzz' });
  const { container } = await database.containers.create({ id: 'items', partitionKey: { paths: ['/pk'] } });
  for (let n = 0; n < 5; n++)
    await container.items.create({ id: `i${n}`, pk: 'p', n, k: 'abc', tags: [1, 'a', { a: n }] });
  client.dispose();
});

afterAll(async () => {
  agent.destroy();
  server.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

const connectClient = () =>
  new CosmosClient({
    endpoint: `http://127.0.0.1:${port}/`,
    key: EMULATOR_KEY,
    connectionPolicy: { enableEndpointDiscovery: false },
  });

function signature(method: string, path: string, date: string): string {
  const parts = path.split('/').filter(Boolean);
  const isFeed = parts.length % 2 === 1;
  const type = (isFeed ? parts.at(-1) : parts.at(-2)) ?? '';
  const link = (isFeed ? parts.slice(0, -1) : parts).join('/');
  const text = `${method.toLowerCase()}\n${type}\n${link}\n${date.toLowerCase()}\n\n`;
  const digest = createHmac('sha256', Buffer.from(EMULATOR_KEY, 'base64')).update(text).digest('base64');
  return encodeURIComponent(`type=master&ver=1.0&sig=${digest}`);
}

interface Answered {
  readonly status: number;
  readonly body: string;
  readonly milliseconds: number;
}

function answerTo({ method, path, headers, body, signed }: Malformed): Promise<Answered> {
  const date = new Date().toUTCString();
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = send(
      {
        agent,
        port,
        host: '127.0.0.1',
        method,
        path: encodeURI(path).replaceAll('%25', '%'),
        headers: {
          ...headers,
          'x-ms-date': date,
          'content-length': body.length,
          ...(signed ? { authorization: signature(method, path, date) } : {}),
        },
      },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            body: text,
            milliseconds: performance.now() - started,
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Whether the connection ends, or is answered, in time. */
function endOf(bytes: Buffer): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    const done = () => {
      socket.destroy();
      resolve(performance.now() - started);
    };
    socket.once('data', done).once('close', done).once('error', done);
  });
}

async function residentKilobytes(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

/** What is wrong with the answer, if anything is. */
async function faultOf(wrong: Malformed): Promise<string | undefined> {
  const { status, body, milliseconds } = await answerTo(wrong);
  const isError = status >= 400 && wrong.method !== 'HEAD';
  if (status >= 200 && status < 500 && milliseconds < MAX_MS && (!isError || hasMessage(body)))
    return undefined;
  const { method, path, headers, body: sent } = wrong;
  return `${method} ${path.slice(0, 80)} ${JSON.stringify(headers)} ${sent.toString().slice(0, 600)}: ${status} ${body.slice(0, 300)} after ${milliseconds} ms`;
}

function hasMessage(body: string): boolean {
  try {
    return typeof (JSON.parse(body) as { message?: unknown }).message === 'string';
  } catch {
    return false;
  }
}

describe('the server', () => {
  test(
    `answers ${RUNS} malformed requests in time, and never with 500 (seed ${SEED})`,
    async () => {
      let asked = 0;
      let warm = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(malformed, { minLength: AT_ONCE, maxLength: AT_ONCE }),
          fc.array(raw, { maxLength: 2 }),
          async (list, bytes) => {
            const faults = await Promise.all(list.map(faultOf));
            expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
            for (const each of bytes) expect(await endOf(each)).toBeLessThan(MAX_MS);
            asked += list.length + bytes.length;
            if (warm === 0 && asked > RUNS / 10) warm = await residentKilobytes();
          },
        ),
        { numRuns: Math.ceil(RUNS / AT_ONCE), seed: SEED },
      );
      expect(server.exitCode).toBeNull();
      expect((await residentKilobytes()) - warm).toBeLessThan(MAX_GROWTH_KILOBYTES);
      const client = connectClient();
      const found = await client
        .database('fuzz')
        .container('items')
        .items.query('SELECT VALUE COUNT(1) FROM c', { partitionKey: 'p' })
        .fetchAll();
      expect(found.resources[0]).toBeGreaterThan(0);
      client.dispose();
    },
    60_000 + RUNS * 20,
  );

  const key = { 'x-ms-documentdb-partitionkey': '["p"]' };
  const items = '/dbs/fuzz/colls/items/docs';
  test.each<[string, string, string, Record<string, string>]>([
    ['a database', 'POST', '/dbs', {}],
    ['a container', 'POST', '/dbs/fuzz/colls', {}],
    ['a container that is replaced', 'PUT', '/dbs/fuzz/colls/items', {}],
    ['an item', 'POST', items, key],
    ['an item that is replaced', 'PUT', `${items}/i0`, key],
    ['a patch', 'PATCH', `${items}/i0`, key],
    ['a batch', 'POST', items, { ...key, 'x-ms-cosmos-is-batch-request': 'True' }],
    ['a query', 'POST', items, { ...key, 'x-ms-documentdb-isquery': 'True' }],
    ['a query plan', 'POST', items, { 'x-ms-cosmos-is-query-plan-request': 'True' }],
  ])('null in place of %s is 400', async (_, method, path, headers) => {
    for (const text of ['null', '5', '"a"', '[null]', '']) {
      const { status, body } = await answerTo({
        method,
        path,
        headers,
        body: Buffer.from(text),
        signed: true,
      });
      expect([status, hasMessage(body)], text).toEqual([400, true]);
    }
  });
});
