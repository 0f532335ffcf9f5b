import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob';
import { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdAnswers } from './held-answers.ts';
import { type StorageServer, startStorage } from './server.ts';

let dataDir: string;
let server: StorageServer;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'storage-'));
  server = await startStorage({ port: 0, dataDir, queue: { port: 0 }, table: { port: 0 } });
});

afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true });
});

describe('the official clients', () => {
  test('checkpoint store: claims ownership once, keeps the last checkpoint', async () => {
    const container = new ContainerClient(server.connectionString, 'claims');
    await container.create();
    const store = new BlobCheckpointStore(container);
    const place = {
      fullyQualifiedNamespace: 'ns',
      eventHubName: 'drone-events',
      consumerGroup: 'scheduler',
      partitionId: '0',
    };
    const [mine] = await store.claimOwnership([{ ...place, ownerId: 'a' }]);
    expect(mine?.etag).toBeTruthy();
    expect(await store.claimOwnership([{ ...place, ownerId: 'b', etag: '"stale"' }])).toEqual([]);
    for (const sequenceNumber of [1, 2, 3]) {
      await store.updateCheckpoint({ ...place, sequenceNumber, offset: String(sequenceNumber) });
    }
    const [checkpoint] = await store.listCheckpoints('ns', 'drone-events', 'scheduler');
    expect(checkpoint).toMatchObject({ sequenceNumber: 3, offset: '3' });
  });

  test('a refused write leaves nothing and says why', async () => {
    const container = new ContainerClient(server.connectionString, 'refused');
    await container.create();
    const blob = container.getBlockBlobClient('one');
    await blob.upload('a', 1, { conditions: { ifNoneMatch: '*' } });
    await expect(blob.upload('b', 1, { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      statusCode: 409,
      code: 'BlobAlreadyExists',
    });
    expect((await blob.downloadToBuffer()).toString()).toBe('a');
  });

  test('8 MB in blocks comes back byte by byte', async () => {
    const container = new ContainerClient(server.connectionString, 'large');
    await container.create();
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'drone');
    const blob = container.getBlockBlobClient('proof.jpg');
    await blob.uploadData(bytes, { blockSize: 1024 * 1024, maxSingleShotSize: 1024 });
    expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true);
  });

  test('connection string names queue and table when asked for', () => {
    expect(server.connectionString).toMatch(/QueueEndpoint=http:\/\/127\.0\.0\.1:\d+\/devstoreaccount1;/);
    expect(server.connectionString).toMatch(/TableEndpoint=http:\/\/127\.0\.0\.1:\d+\/devstoreaccount1;/);
  });

  test('a closed server starts again on the same data in the same process', async () => {
    const again = join(dataDir, 'again');
    const first = await startStorage({ port: 0, dataDir: again });
    await BlobServiceClient.fromConnectionString(first.connectionString).createContainer('proofs');
    await first.close();
    await using second = await startStorage({ port: 0, dataDir: again });
    const client = BlobServiceClient.fromConnectionString(second.connectionString);
    expect(await client.getContainerClient('proofs').exists()).toBe(true);
  });
});

describe('held answers', () => {
  async function serve(commit: () => void) {
    const failures: unknown[] = [];
    const http = createServer((_request, response) => {
      response.writeHead(201, { 'content-type': 'text/plain' });
      response.write('one ');
      response.end('two');
      response.end();
    });
    holdAnswers(http, commit, { failed: (error) => failures.push(error) });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const send = (method: string) =>
      new Promise<string>((resolve, reject) => {
        const outgoing = httpRequest({ port, host: '127.0.0.1', method, agent: false }, (response) => {
          let body = `${response.statusCode} `;
          response.on('data', (chunk: Buffer) => {
            body += chunk.toString();
          });
          response.on('end', () => resolve(body));
          response.on('error', reject);
        });
        outgoing.on('error', reject);
        outgoing.end();
      });
    return { send, failures, [Symbol.dispose]: () => http.close() };
  }

  test('H1, H4: a write is committed before its answer arrives, a read is not; a second end() changes nothing', async () => {
    let commits = 0;
    using http = await serve(() => {
      commits += 1;
    });
    expect(await http.send('GET')).toBe('201 one two');
    expect(commits).toBe(0);
    expect(await http.send('PUT')).toBe('201 one two');
    expect(commits).toBe(1);
  });

  test('a commit that fails cuts the connection, and the next write is served', async () => {
    let full = true;
    using http = await serve(() => {
      if (full) throw new Error('disk full');
    });
    await expect(http.send('PUT')).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(http.failures).toEqual([new Error('disk full')]);
    full = false;
    expect(await http.send('PUT')).toBe('201 one two');
  });
});
