/** Servers on a small disk that is filled and freed again. Needs the right to mount one. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CosmosClient } from '@azure/cosmos';
import { EventHubProducerClient } from '@azure/event-hubs';
import { ContainerClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCosmos } from './cosmos/server.ts';
import { startEventHubs } from './event-hubs/server.ts';
import { ACCOUNT, KEY } from './storage/account.ts';
import { startStorage } from './storage/server.ts';
import { host, writeApp } from './tests/support/functions-host.ts';

const folder = mkdtempSync(join(tmpdir(), 'disk-full-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
/** Only root can; elsewhere the tests are skipped, and say so. */
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]).status === 0;

const filler = join(disk, 'filler');
/** Leaves no byte. */
function fill(): void {
  for (const size of [1024 * 1024, 4096, 1]) {
    for (;;) {
      try {
        writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
}
const free = () => rmSync(filler, { force: true });

beforeAll(() => {
  if (!isMounted) process.stdout.write('skipped: a small disk can only be mounted by root\n');
});
afterAll(() => {
  if (isMounted) spawnSync('umount', ['--lazy', disk]);
  rmSync(folder, { recursive: true });
});

const TEXT = 'x'.repeat(20_000);
const DURABLE_APP = `
const { app } = require('@azure/functions');
const df = require('durable-functions');
app.http('alive', { handler: () => ({ body: 'yes' }) });
df.app.activity('length', { handler: (text) => text.length });
df.app.orchestration('upper', function* (context) {
  return yield context.df.callActivity('length', context.df.getInput());
});
`;

/** Writes until a write is refused, frees the disk, writes again. */
async function fillAndFree(
  write: (n: number) => Promise<string>,
): Promise<{ acknowledged: number[]; refusal: string }> {
  const acknowledged: number[] = [];
  const take = async (n: number) => {
    const outcome = await write(n);
    if (outcome === 'taken') acknowledged.push(n);
    return outcome;
  };
  for (let n = 0; n < 5; n++) expect(await take(n)).toBe('taken');
  fill();
  let refusal = 'taken';
  for (let n = 5; n < 300 && refusal === 'taken'; n++) refusal = await take(n);
  // It stays refused, without another word.
  for (let n = 300; n < 305; n++) expect(await take(n)).toBe(refusal);
  free();
  await expect.poll(() => take(400 + acknowledged.length)).toBe('taken');
  return { acknowledged, refusal };
}

const saysOnce = (lines: readonly string[]) => {
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/the disk is full/);
  expect(lines[1]).toMatch(/the disk has room again/);
};

describe.skipIf(!isMounted)('D1: a full disk', () => {
  test('Cosmos DB answers 503 while it is full, loses nothing and goes on by itself', async () => {
    const lines: string[] = [];
    const options = { port: 0, dataDir: join(disk, 'cosmos'), warn: (line: string) => lines.push(line) };
    let server = await startCosmos(options);
    const open = async () => {
      const policy = { enableEndpointDiscovery: false, retryOptions: { maxRetryAttemptCount: 0 } };
      const client = new CosmosClient({
        endpoint: server.endpoint,
        key: server.key,
        connectionPolicy: policy,
      });
      const { database } = await client.databases.createIfNotExists({ id: 'db' });
      return (await database.containers.createIfNotExists({ id: 'c', partitionKey: { paths: ['/pk'] } }))
        .container;
    };
    let container = await open();
    const { acknowledged, refusal } = await fillAndFree((n) =>
      container.items.create({ id: String(n), pk: 'p', text: TEXT }).then(
        () => 'taken',
        ({ code }: { code: number }) => String(code),
      ),
    );
    expect(refusal).toBe('503');
    saysOnce(lines);
    await server.close();
    server = await startCosmos(options);
    container = await open();
    for (const n of acknowledged) expect((await container.item(String(n), 'p').read()).statusCode).toBe(200);
    await server.close();
    rmSync(options.dataDir, { recursive: true });
  });

  test('Event Hubs is busy while it is full, loses nothing and goes on by itself', async () => {
    const lines: string[] = [];
    const options = {
      port: 0,
      dataDir: join(disk, 'hubs'),
      hubs: { hub: { partitions: 1 } },
      keys: [{ name: 'root', key: 'k', rights: ['Manage', 'Send', 'Listen'] as const }],
      warn: (line: string) => lines.push(line),
    };
    let server = await startEventHubs(options);
    const producer = new EventHubProducerClient(server.connectionString('hub'), {
      retryOptions: { maxRetries: 0 },
    });
    const { acknowledged, refusal } = await fillAndFree((n) =>
      producer.sendBatch([{ body: `${n} ${TEXT}` }]).then(
        () => 'taken',
        ({ code }: { code: string }) => code,
      ),
    );
    expect(refusal).toBe('ServerBusyError');
    saysOnce(lines);
    await producer.close();
    await server.close();
    server = await startEventHubs(options);
    const again = new EventHubProducerClient(server.connectionString('hub'));
    expect((await again.getPartitionProperties('0')).lastEnqueuedSequenceNumber).toBe(
      acknowledged.length - 1,
    );
    await again.close();
    await server.close();
    rmSync(options.dataDir, { recursive: true });
  });

  test('storage answers 503 while it is full, loses nothing and goes on by itself', async () => {
    const lines: string[] = [];
    const options = { port: 0, dataDir: join(disk, 'storage'), warn: (line: string) => lines.push(line) };
    let server = await startStorage(options);
    const open = () => {
      const pipeline = newPipeline(new StorageSharedKeyCredential(ACCOUNT, KEY), {
        retryOptions: { maxTries: 1 },
      });
      return new ContainerClient(`http://127.0.0.1:${server.port}/${ACCOUNT}/full`, pipeline);
    };
    await open().create();
    // Metadata alone: the bytes of a blob lie in files of Azurite's own.
    const { acknowledged, refusal } = await fillAndFree((n) =>
      open()
        .getBlockBlobClient(String(n))
        .upload('', 0, { metadata: { text: 'x'.repeat(4_000) } })
        .then(
          () => 'taken',
          ({ statusCode }: { statusCode: number }) => String(statusCode),
        ),
    );
    expect(refusal).toBe('503');
    saysOnce(lines);
    await server.close();
    server = await startStorage(options);
    for (const n of acknowledged) expect(await open().getBlobClient(String(n)).exists()).toBe(true);
    await server.close();
    rmSync(options.dataDir, { recursive: true });
  });

  test('the Functions host and Durable answer 503 with a reason, lose nothing and go on by themselves', async () => {
    const app = writeApp({ 'main.cjs': DURABLE_APP });
    const dataDir = join(disk, 'host');
    mkdirSync(dataDir);
    let server = await host(app.dir, { dataDir });
    const api = '/runtime/webhooks/durabletask';
    const reasons = new Set<string>();
    const { acknowledged, refusal } = await fillAndFree(async (n) => {
      const { status, body } = await server.call(
        'POST',
        `${api}/orchestrators/upper/i${n}?code=the-system-key`,
        {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(TEXT),
        },
      );
      if (status === 202) return 'taken';
      reasons.add(body.toString());
      return String(status);
    });
    expect(refusal).toBe('503');
    expect([...reasons].join()).toContain('disk');
    // What does not write is served meanwhile, and what was acknowledged comes to its end.
    expect((await server.call('GET', '/api/alive')).status).toBe(200);
    const completed = async () => {
      const statuses = await Promise.all(
        acknowledged.map((n) =>
          server.json<{ runtimeStatus: string }>(
            'GET',
            `${api}/instances/i${n}?showInput=false&code=the-system-key`,
          ),
        ),
      );
      return statuses.map(({ runtimeStatus }) => runtimeStatus);
    };
    await expect.poll(completed, { timeout: 30_000 }).toEqual(acknowledged.map(() => 'Completed'));
    saysOnce(
      server
        .output()
        .split('\n')
        .filter((line) => /the disk (?:is full|has room)/.test(line)),
    );
    await server.stop();
    server = await host(app.dir, { dataDir });
    expect(await completed()).toEqual(acknowledged.map(() => 'Completed'));
    await server.stop();
    app.remove();
    rmSync(dataDir, { recursive: true });
  });
});
