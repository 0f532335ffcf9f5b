/** What was answered about queues and tables survives `kill -9`, as blobs do. Spoken over REST with an account's signature. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dataDir: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'storage-queues-'));
});

afterEach(async () => {
  await kill();
  await rm(dataDir, { recursive: true });
});

async function kill(): Promise<void> {
  if (!running) return;
  const exited = once(running, 'exit');
  running.kill('SIGKILL');
  await exited;
  running = undefined;
}

/** Calls of the queue and table service, with status and text of the answer. */
async function start() {
  const ports = ['--port', '0', '--queue-port', '0', '--table-port', '0'];
  running = fork(join(import.meta.dirname, 'main.ts'), [...ports, '--data', dataDir], {
    silent: true,
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'storage-test-compile-cache') },
  });
  const [{ connectionString }] = (await once(running, 'message')) as [{ connectionString: string }];
  const fields = new Map(
    connectionString.split(';').map((field) => {
      const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(field) ?? [];
      return [name, value] as const;
    }),
  );
  const name = fields.get('AccountName') ?? '';
  const signature = generateAccountSASQueryParameters(
    {
      expiresOn: new Date(Date.now() + 3_600_000),
      permissions: AccountSASPermissions.parse('rwdlacup'),
      services: AccountSASServices.parse('bqt').toString(),
      resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
    },
    new StorageSharedKeyCredential(name, fields.get('AccountKey') ?? ''),
  ).toString();
  return async (service: 'Queue' | 'Table', method: string, path: string, body?: string) => {
    const address = `${fields.get(`${service}Endpoint`)}/${path}`;
    const response = await fetch(`${address}${path.includes('?') ? '&' : '?'}${signature}`, {
      method,
      headers: {
        'x-ms-version': '2021-12-02',
        ...(service === 'Table'
          ? { accept: 'application/json;odata=nometadata', 'content-type': 'application/json' }
          : {}),
      },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  };
}

const message = (text: string) => `<QueueMessage><MessageText>${text}</MessageText></QueueMessage>`;
const textsIn = (xml: string) => [...xml.matchAll(/<MessageText>([^<]*)</g)].map(([, text]) => text);

test('queues: messages that were put are there, those that were taken and deleted are not', async () => {
  const before = await start();
  expect((await before('Queue', 'PUT', 'orders')).status).toBe(201);
  for (const text of ['one', 'two', 'three'])
    expect((await before('Queue', 'POST', 'orders/messages', message(text))).status).toBe(201);
  const { text: taken } = await before('Queue', 'GET', 'orders/messages?visibilitytimeout=600');
  expect(textsIn(taken)).toEqual(['one']);
  const [, id = ''] = /<MessageId>([^<]*)</.exec(taken) ?? [];
  const [, receipt = ''] = /<PopReceipt>([^<]*)</.exec(taken) ?? [];
  const path = `orders/messages/${id}?popreceipt=${encodeURIComponent(receipt)}`;
  expect((await before('Queue', 'DELETE', path)).status).toBe(204);
  await kill();
  const after = await start();
  const { text } = await after('Queue', 'GET', 'orders/messages?numofmessages=32');
  expect(textsIn(text)).toEqual(['two', 'three']);
});

test('queues: a message that is hidden when the server dies stays hidden', async () => {
  const before = await start();
  await before('Queue', 'PUT', 'orders');
  await before('Queue', 'POST', 'orders/messages', message('held'));
  expect(textsIn((await before('Queue', 'GET', 'orders/messages?visibilitytimeout=600')).text)).toEqual([
    'held',
  ]);
  await kill();
  const after = await start();
  expect(textsIn((await after('Queue', 'GET', 'orders/messages')).text)).toEqual([]);
  expect(textsIn((await after('Queue', 'POST', 'orders/messages', message('new'))).text)).toEqual([]);
  expect(textsIn((await after('Queue', 'GET', 'orders/messages')).text)).toEqual(['new']);
});

test('tables: rows that were written, changed and deleted are as they were answered', async () => {
  const before = await start();
  expect((await before('Table', 'POST', 'Tables', JSON.stringify({ TableName: 'drones' }))).status).toBe(201);
  const row = (id: string, n: number) => JSON.stringify({ PartitionKey: 'p', RowKey: id, n });
  for (const id of ['a', 'b', 'c'])
    expect((await before('Table', 'POST', 'drones', row(id, 1))).status).toBe(201);
  const at = (id: string) => `drones(PartitionKey='p',RowKey='${id}')`;
  expect((await before('Table', 'PUT', at('b'), row('b', 2))).status).toBe(204);
  await kill();
  const after = await start();
  const { text } = await after('Table', 'GET', 'drones()');
  const rows = (JSON.parse(text) as { value: { RowKey: string; n: number }[] }).value;
  expect(rows.map(({ RowKey, n }) => [RowKey, n])).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 1],
  ]);
  expect((await after('Table', 'POST', 'drones', row('a', 9))).status).toBe(409);
});
