/** Queues and tables with tokens over TLS, spoken over REST to the process with its configuration file. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAuthority } from '../certificates.ts';
import { type IdentityServer, startIdentity } from '../identity/server.ts';
import type { Service } from './account.ts';

const AUDIENCE = 'https://storage.azure.com';
const MESSAGE = '<QueueMessage><MessageText>hello</MessageText></QueueMessage>';

let folder: string;
let identity: IdentityServer;
let running: ChildProcess;
let addresses: Readonly<Record<Service, string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-tokens-'));
  const authority = openAuthority(join(folder, 'tls'));
  setDefaultCACertificates([...getCACertificates('default'), authority.certificate]);
  const roles = {
    owner: { '*': ['queueContributor', 'tableContributor'] },
    reader: { '*': ['queueReader', 'tableReader'] },
    sender: { '*': 'queueSender' },
    processor: { orders: 'queueProcessor' },
    stranger: {},
  };
  identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: [AUDIENCE],
    principals: Object.keys(roles).map((id) => ({ id, name: id, roles: ['service'] })),
  });
  const config = { tls: authority.issue(), issuer: identity.issuer, roles };
  await writeFile(join(folder, 'storage.config.json'), JSON.stringify(config));
  await start();
});

afterAll(async () => {
  await end('SIGTERM');
  await identity.close();
  await rm(folder, { recursive: true });
});

async function start(): Promise<void> {
  const config = join(folder, 'storage.config.json');
  const ports = ['--port', '0', '--queue-port', '0', '--table-port', '0'];
  const data = join(folder, 'data');
  running = fork(join(import.meta.dirname, 'main.ts'), [...ports, '--data', data, '--config', config], {
    silent: true,
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'storage-test-compile-cache') },
  });
  const [ready] = (await once(running, 'message')) as [{ tokenEndpoints: typeof addresses }];
  addresses = ready.tokenEndpoints;
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const exited = once(running, 'exit');
  running.kill(signal);
  await exited;
}

/** Status and text of a call over REST. */
async function call(service: Service, who: string, method: string, path: string, body?: string) {
  const token = await identity.tokenFor(who, { audience: AUDIENCE });
  const response = await fetch(`${addresses[service]}/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'x-ms-version': '2021-12-02',
      ...(service === 'table'
        ? { accept: 'application/json;odata=nometadata', 'content-type': 'application/json' }
        : {}),
    },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test('queues: each role does its own part', async () => {
  const statusOf = async (...[who, method, path, body]: [string, string, string, string?]) =>
    (await call('queue', who, method, path, body)).status;
  expect(await statusOf('sender', 'PUT', 'orders')).toBe(403);
  expect(await statusOf('owner', 'PUT', 'orders')).toBe(201);
  expect(await statusOf('reader', 'POST', 'orders/messages', MESSAGE)).toBe(403);
  expect(await statusOf('sender', 'POST', 'orders/messages', MESSAGE)).toBe(201);
  expect(await statusOf('sender', 'GET', 'orders/messages?peekonly=true')).toBe(403);
  const { status, text } = await call('queue', 'reader', 'GET', 'orders/messages?peekonly=true');
  expect([status, text.includes('hello')]).toEqual([200, true]);
  expect(await statusOf('reader', 'GET', 'orders/messages')).toBe(403);
  expect(await statusOf('processor', 'GET', 'others/messages')).toBe(403);
  const taken = await call('queue', 'processor', 'GET', 'orders/messages');
  const [, id = ''] = /<MessageId>([^<]*)</.exec(taken.text) ?? [];
  const [, receipt = ''] = /<PopReceipt>([^<]*)</.exec(taken.text) ?? [];
  const message = `orders/messages/${id}?popreceipt=${encodeURIComponent(receipt)}`;
  expect(await statusOf('sender', 'DELETE', message)).toBe(403);
  expect(await statusOf('processor', 'DELETE', message)).toBe(204);
  expect(await statusOf('processor', 'DELETE', 'orders/messages')).toBe(403);
  expect(await statusOf('owner', 'DELETE', 'orders/messages')).toBe(204);
  expect(await statusOf('reader', 'GET', 'orders?comp=metadata')).toBe(200);
  expect(await statusOf('reader', 'GET', '?comp=list')).toBe(200);
  expect(await statusOf('processor', 'GET', '?comp=list')).toBe(403);
  expect(await statusOf('owner', 'GET', '?restype=service&comp=properties')).toBe(403);
  expect(await statusOf('owner', 'DELETE', 'orders')).toBe(204);
});

test('tables: a contributor writes, a reader reads; what is refused is said in JSON', async () => {
  const row = JSON.stringify({ PartitionKey: 'p', RowKey: 'a', n: 1 });
  const at = "drones(PartitionKey='p',RowKey='a')";
  const statusOf = async (...[who, method, path, body]: [string, string, string, string?]) =>
    (await call('table', who, method, path, body)).status;
  const name = JSON.stringify({ TableName: 'drones' });
  expect(await statusOf('reader', 'POST', 'Tables', name)).toBe(403);
  expect(await statusOf('owner', 'POST', 'Tables', name)).toBe(201);
  expect(await statusOf('owner', 'POST', 'drones', row)).toBe(201);
  expect((await call('table', 'reader', 'GET', 'drones()')).text).toContain('"n":1');
  expect(await statusOf('reader', 'GET', 'Tables')).toBe(200);
  const refused = await call('table', 'reader', 'DELETE', at);
  expect([refused.status, refused.headers.get('x-ms-error-code')]).toEqual([
    403,
    'AuthorizationPermissionMismatch',
  ]);
  expect(JSON.parse(refused.text)).toMatchObject({
    'odata.error': { code: 'AuthorizationPermissionMismatch' },
  });
  expect(await statusOf('stranger', 'GET', 'drones()')).toBe(403);
  expect(await statusOf('reader', 'POST', '$batch', '')).toBe(403);
  expect(await statusOf('owner', 'PUT', at, row)).toBe(204);
  expect(await statusOf('owner', 'DELETE', "Tables('drones')")).toBe(204);
});

test('what was answered to a token survives kill -9', async () => {
  expect((await call('queue', 'owner', 'PUT', 'kept')).status).toBe(201);
  expect((await call('queue', 'sender', 'POST', 'kept/messages', MESSAGE)).status).toBe(201);
  await end('SIGKILL');
  await start();
  expect((await call('queue', 'reader', 'GET', 'kept/messages?peekonly=true')).text).toContain('hello');
});
