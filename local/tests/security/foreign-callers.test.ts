/** O1 to O3: every listener of the local servers, called as a web page of another site would call it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAuthority } from '../../certificates.ts';
import { startControl as startCosmosControl } from '../../cosmos/control.ts';
import { startCosmos } from '../../cosmos/server.ts';
import { startControl as startEventHubsControl } from '../../event-hubs/control.ts';
import { startEventHubs } from '../../event-hubs/server.ts';
import { startIdentity } from '../../identity/server.ts';
import { startStorage } from '../../storage/server.ts';
import { host, writeApp } from '../support/functions-host.ts';

const WEBSOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'AMQPWSB10',
};

interface Listener {
  readonly port: number;
  readonly isTls?: boolean;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const folder = mkdtempSync(join(tmpdir(), 'foreign-callers-'));
const closing: (() => unknown)[] = [];
let listeners: Readonly<Record<string, Listener>>;

beforeAll(async () => {
  const tls = openAuthority(join(folder, 'tls')).issue();
  const dir = (name: string) => join(folder, name);
  const cosmos = await startCosmos({ port: 0, dataDir: dir('cosmos'), tls });
  const cosmosControl = await startCosmosControl(cosmos, 0);
  const hubs = await startEventHubs({
    port: 0,
    dataDir: dir('hubs'),
    hubs: { hub: { partitions: 1 } },
    keys: [{ name: 'root', key: 'k', rights: ['Manage', 'Send', 'Listen'] }],
    tls,
  });
  const hubsControl = await startEventHubsControl(hubs.faults, 0);
  const identity = await startIdentity({ port: 0, dataDir: dir('identity'), principals: [], clients: [] });
  const storage = await startStorage({
    port: 0,
    dataDir: dir('storage'),
    queue: { port: 0 },
    table: { port: 0 },
    tokens: { tls, issuer: identity.issuer, roles: {} },
  });
  const files = writeApp({
    'main.cjs': "require('@azure/functions').app.http('open', { handler: () => ({}) });",
  });
  const functions = await host(files.dir);
  closing.push(files.remove, functions.stop, storage.close, identity.close, hubsControl.close, hubs.close);
  closing.push(cosmosControl.close, cosmos.close);
  const plainPort = (service: string) =>
    Number(
      new RegExp(`${service}Endpoint=http://127\\.0\\.0\\.1:(\\d+)`).exec(storage.connectionString)?.[1],
    );
  const tokenPort = (service: 'blob' | 'queue' | 'table') =>
    Number(new URL(storage.tokenEndpoints[service] ?? '').port);
  const account = '/devstoreaccount1?comp=list';
  const webSocket = { path: '/$servicebus/websocket', headers: WEBSOCKET };
  const command = { method: 'DELETE', path: '/faults', headers: { 'x-local-control': '1' } };
  listeners = {
    'Cosmos DB': { port: cosmos.port, path: '/' },
    'Cosmos DB with TLS': { port: cosmos.tlsPort as number, isTls: true, path: '/' },
    'control of Cosmos DB': { port: cosmosControl.port, ...command },
    'Event Hubs': { port: hubs.port, ...webSocket },
    'Event Hubs with TLS': { port: hubs.tlsPort as number, isTls: true, ...webSocket },
    'control of Event Hubs': { port: hubsControl.port, ...command },
    blobs: { port: plainPort('Blob'), path: account },
    queues: { port: plainPort('Queue'), path: account },
    tables: { port: plainPort('Table'), path: '/devstoreaccount1/Tables' },
    'blobs with TLS': { port: tokenPort('blob'), isTls: true, path: account },
    'queues with TLS': { port: tokenPort('queue'), isTls: true, path: account },
    'tables with TLS': { port: tokenPort('table'), isTls: true, path: '/devstoreaccount1/Tables' },
    identity: { port: identity.port, path: '/jwks' },
    'Functions host': { port: functions.port, path: '/api/open' },
  };
}, 60_000);

afterAll(async () => {
  for (const close of closing) await close();
  rmSync(folder, { recursive: true });
});

function statusOf(
  { port, isTls, path, method = 'GET', headers = {} }: Listener,
  more: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, agent: false, rejectUnauthorized: false };
    const sent = (isTls ? tlsRequest : request)({ ...options, headers: { ...headers, ...more } });
    const end = (status: number | undefined) => {
      sent.destroy();
      resolve(Number(status));
    };
    sent.on('response', ({ statusCode }) => end(statusCode));
    sent.on('upgrade', () => end(101));
    sent.on('error', reject);
    sent.end();
  });
}

const FOREIGN: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['a name that was rebound to loopback', { host: 'evil.example' }],
  ['a name that was rebound, with the port', { host: 'evil.example:1' }],
  ['a name that begins like loopback', { host: '127.0.0.1.evil.example' }],
  ['a name that ends like loopback', { host: 'evillocalhost' }],
  ['an address of the network', { host: '192.168.1.2' }],
  ['a page of another site', { origin: 'https://evil.example' }],
  ['a page of a name that begins like loopback', { origin: 'http://localhost.evil.example' }],
  ['a page that hides its origin', { origin: 'null' }],
  ['a page of an extension', { origin: 'chrome-extension://localhost' }],
];
const OURS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['localhost', { host: 'localhost:1' }],
  ['127.0.0.1', { host: '127.0.0.1' }],
  ['[::1]', { host: '[::1]:8080' }],
  ['a local page', { origin: 'http://localhost:3000' }],
];

const NAMES = [
  'Cosmos DB',
  'Cosmos DB with TLS',
  'control of Cosmos DB',
  'Event Hubs',
  'Event Hubs with TLS',
  'control of Event Hubs',
  'blobs',
  'queues',
  'tables',
  'blobs with TLS',
  'queues with TLS',
  'tables with TLS',
  'identity',
  'Functions host',
];

test('every listener is named here', () => {
  expect(Object.keys(listeners)).toEqual(NAMES);
});

describe.each(NAMES)('%s', (name) => {
  test.each(FOREIGN)('refuses %s', async (_, headers) => {
    expect(await statusOf(listeners[name] as Listener, headers)).toBe(403);
  });

  test.each(OURS)('goes on with %s', async (_, headers) => {
    const plain = await statusOf(listeners[name] as Listener, {});
    expect(await statusOf(listeners[name] as Listener, headers)).toBe(plain);
  });
});

describe.each(['control of Cosmos DB', 'control of Event Hubs'])('%s', (name) => {
  test('refuses a request that a page may send', async () => {
    const listener = { ...(listeners[name] as Listener), method: 'POST', headers: {} };
    expect(await statusOf(listener, { 'content-type': 'text/plain' })).toBe(403);
    expect(await statusOf(listener, { 'content-type': 'application/json' })).toBe(403);
  });
});
