/** H4: transactions of tables and batches of blobs answer as stock Azurite does, byte for byte except for ids and times. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ACCOUNT, KEY } from './account.ts';
import { type StorageServer, startStorage } from './server.ts';

const AZURITE = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
const BOUNDARY = 'batch_7f0c';

interface Endpoints {
  readonly blob: string;
  readonly table: string;
}

let dataDir: string;
let ours: StorageServer;
let stock: ChildProcess;
let endpoints: { readonly ours: Endpoints; readonly stock: Endpoints };

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'storage-batch-'));
  ours = await startStorage({ port: 0, dataDir, table: { port: 0 } });
  const [, table = ''] = /TableEndpoint=([^;]*)/.exec(ours.connectionString) ?? [];
  const options = '--blobPort 0 --queuePort 0 --tablePort 0 --inMemoryPersistence --skipApiVersionCheck';
  stock = spawn(process.execPath, [AZURITE, ...options.split(' '), '--disableTelemetry']);
  endpoints = {
    ours: { blob: `http://127.0.0.1:${ours.port}/${ACCOUNT}`, table },
    stock: await listening(stock),
  };
}, 60_000);

afterAll(async () => {
  stock.kill('SIGKILL');
  await ours.close();
  await rm(dataDir, { recursive: true });
});

/** The addresses that stock Azurite prints when it listens. */
function listening(child: ChildProcess): Promise<Endpoints> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const at = (service: string) =>
        new RegExp(`${service} service is successfully listening at (\\S+)`).exec(output)?.[1];
      const [blob, table] = [at('Blob'), at('Table')];
      if (blob && table) resolve({ blob: `${blob}/${ACCOUNT}`, table: `${table}/${ACCOUNT}` });
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(`Azurite has ended: ${output}`)));
  });
}

const signature = generateAccountSASQueryParameters(
  {
    expiresOn: new Date(Date.now() + 3_600_000),
    permissions: AccountSASPermissions.parse('rwdlacup'),
    services: AccountSASServices.parse('bqt').toString(),
    resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
  },
  new StorageSharedKeyCredential(ACCOUNT, KEY),
).toString();

const JSON_HEADERS = { accept: 'application/json;odata=nometadata', 'content-type': 'application/json' };

async function send(address: string, type: Record<string, string>, body: string) {
  const response = await fetch(`${address}?${signature}`, {
    method: 'POST',
    headers: { 'x-ms-version': '2021-12-02', ...type },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    type: masked(response.headers.get('content-type') ?? ''),
    text: masked(text),
  };
}

/** The text without the ids, times and ports that differ from run to run. */
const masked = (text: string) =>
  text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/datetime'[^']*'/g, '<time>')
    .replaceAll(/W\/"[^"]*"/g, '<etag>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.%A]+Z/g, '<time>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '<host>')
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/g, '<time>');

/** An OData batch of inserts into one table, as TableClient.submitTransaction writes it. */
function transaction(table: string, address: string, keys: readonly string[]): string {
  const inserts = keys.map((key) =>
    [
      '--changeset_1',
      'Content-Type: application/http',
      'Content-Transfer-Encoding: binary',
      '',
      `POST ${address}/${table} HTTP/1.1`,
      'Accept: application/json;odata=minimalmetadata',
      'Content-Type: application/json',
      'Prefer: return-no-content',
      '',
      JSON.stringify({ PartitionKey: 'p', RowKey: key, n: 1 }),
    ].join('\r\n'),
  );
  const head = `--${BOUNDARY}\r\nContent-Type: multipart/mixed; boundary=changeset_1\r\n\r\n`;
  return `${head}${inserts.join('\r\n')}\r\n--changeset_1--\r\n--${BOUNDARY}--\r\n`;
}

async function submit(address: string, table: string, keys: readonly string[]) {
  const type = { ...JSON_HEADERS, 'content-type': `multipart/mixed; boundary=${BOUNDARY}` };
  return send(`${address}/$batch`, type, transaction(table, address, keys));
}

test.each([
  ['two inserts', ['a', 'b'], 202],
  ['an insert of a row that exists', ['c', 'a'], 202],
  ['a hundred inserts', Array.from({ length: 100 }, (_, n) => `many-${n}`), 202],
])('tables: a transaction of %s answers like stock Azurite', async (_title, keys, status) => {
  const answers = [];
  for (const { table } of [endpoints.stock, endpoints.ours]) {
    await send(`${table}/Tables`, JSON_HEADERS, JSON.stringify({ TableName: 'History' }));
    answers.push(await submit(table, 'History', keys));
  }
  const [expected, answered] = answers;
  expect(expected?.status).toBe(status);
  expect(expected?.text).toContain('--changesetresponse');
  expect(answered).toEqual(expected);
});

test('blobs: a batch of deletes answers like stock Azurite', async () => {
  const answers = [];
  for (const { blob } of [endpoints.stock, endpoints.ours]) {
    const service = new BlobServiceClient(blob, new StorageSharedKeyCredential(ACCOUNT, KEY));
    const container = service.getContainerClient('batch');
    await container.create();
    const blobs = ['a', 'b', 'missing'].map((name) => container.getBlockBlobClient(name));
    for (const each of blobs.slice(0, 2)) await each.upload('x', 1);
    const { subResponses, subResponsesSucceededCount } = await service
      .getBlobBatchClient()
      .deleteBlobs(blobs);
    answers.push({
      succeeded: subResponsesSucceededCount,
      codes: subResponses.map(({ status, errorCode }) => [status, errorCode]),
    });
  }
  const [expected, answered] = answers;
  expect(expected?.succeeded).toBe(2);
  expect(answered).toEqual(expected);
});
