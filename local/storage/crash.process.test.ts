import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

interface Child {
  readonly process: ChildProcess;
  readonly container: ContainerClient;
  readonly stderr: () => string;
}

let dataDir: string;
const running = new Set<ChildProcess>();

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'storage-'));
});

afterEach(async () => {
  for (const child of running) await kill(child);
  await rm(dataDir, { recursive: true });
});

function spawn(args: readonly string[] = []) {
  const child = fork(join(import.meta.dirname, 'main.ts'), ['--port', '0', '--data', dataDir, ...args], {
    silent: true,
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'storage-test-compile-cache') },
  });
  running.add(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return { child, stderr: () => stderr };
}

async function start(...args: string[]): Promise<Child> {
  const { child, stderr } = spawn(args);
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])])) as [
    { connectionString: string }?,
  ];
  if (!message) throw new Error(`did not start: ${stderr()}`);
  const service = BlobServiceClient.fromConnectionString(message.connectionString, {
    retryOptions: { maxTries: 1 },
  });
  return { process: child, container: service.getContainerClient('checkpoints'), stderr };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function names(container: ContainerClient): Promise<string[]> {
  const found: string[] = [];
  for await (const blob of container.listBlobsFlat()) found.push(blob.name);
  return found.sort();
}

describe('kill -9 right after an answer', () => {
  test('loses it when the answer does not wait for the save', async () => {
    const before = await start('--answer-before-save');
    await before.container.create();
    await before.container.getBlockBlobClient('a').upload('bytes', 5);
    await kill(before.process);
    const after = await start();
    expect(await after.container.exists()).toBe(false);
  });

  test('keeps containers, blobs, metadata, overwrites, deletions and leases', async () => {
    const before = await start();
    await before.container.create();
    const kept = before.container.getBlockBlobClient('kept');
    await kept.upload('first', 5, { metadata: { sequencenumber: '1' } });
    await kept.upload('second', 6, { metadata: { sequencenumber: '2' } });
    const gone = before.container.getBlockBlobClient('gone');
    await gone.upload('x', 1);
    await gone.delete();
    const lease = kept.getBlobLeaseClient();
    const { leaseId } = await lease.acquireLease(60);
    await kept.setMetadata({ sequencenumber: '3' }, { conditions: { leaseId: leaseId ?? '' } });
    const { etag } = await kept.getProperties();
    await kill(before.process);

    const after = await start();
    expect(await names(after.container)).toEqual(['kept']);
    const found = after.container.getBlockBlobClient('kept');
    expect((await found.downloadToBuffer()).toString()).toBe('second');
    const properties = await found.getProperties();
    expect(properties.etag).toBe(etag);
    expect(properties.metadata).toEqual({ sequencenumber: '3' });
    expect(properties.leaseState).toBe('leased');
    await expect(found.upload('z', 1)).rejects.toMatchObject({ code: 'LeaseIdMissing' });
    await found.upload('third', 5, { conditions: { leaseId: leaseId ?? '' } });
  });

  test('keeps every upload that was answered before a kill during many', async () => {
    const before = await start();
    await before.container.create();
    const answered: string[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; ; n += 1) {
        const name = `${writer}-${String(n).padStart(4, '0')}`;
        const upload = before.container.getBlockBlobClient(name).upload(name, name.length);
        if (
          !(await upload.then(
            () => true,
            () => false,
          ))
        )
          return;
        answered.push(name);
        if (answered.length === 200) void kill(before.process);
      }
    });
    await Promise.all(writers);
    expect(answered.length).toBeGreaterThanOrEqual(200);

    const after = await start();
    expect(await names(after.container)).toEqual(expect.arrayContaining(answered));
    for (const name of answered.slice(-20)) {
      const bytes = await after.container.getBlockBlobClient(name).downloadToBuffer();
      expect(bytes.toString()).toBe(name);
    }
  });

  test('goes on after a second crash, with indices that find old and new blobs', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { container, process } = await start();
      await container.createIfNotExists();
      await container.getBlockBlobClient(`round-${round}`).upload('x', 1);
      await container.getBlockBlobClient('same').upload(String(round), 1);
      await kill(process);
    }
    const { container } = await start();
    expect(await names(container)).toEqual(['round-0', 'round-1', 'round-2', 'same']);
    expect((await container.getBlockBlobClient('same').downloadToBuffer()).toString()).toBe('2');
    await container.getBlockBlobClient('round-1').delete();
    expect(await container.getBlockBlobClient('round-1').exists()).toBe(false);
  });
});

describe('a start that cannot be', () => {
  async function refusal(args: readonly string[] = []): Promise<[number, string]> {
    const { child, stderr } = spawn(args);
    const [code] = (await once(child, 'exit')) as [number];
    running.delete(child);
    return [code, stderr()];
  }

  test('says that another process has the data', async () => {
    await start();
    const [code, line] = await refusal();
    expect(code).toBe(1);
    expect(line).toMatch(/^storage: .* is in use by another process; stop it, or start with --data DIR\n$/);
  });

  test('says that the metadata is damaged', async () => {
    await writeFile(
      join(dataDir, 'metadata.sqlite'),
      'not a database, and longer than a header of one '.repeat(99),
    );
    const [code, line] = await refusal();
    expect(code).toBe(1);
    expect(line).toMatch(/metadata\.sqlite is damaged; restore it, or start again with --reset\n$/);
  });

  test('says that the port is in use', async () => {
    const first = await start();
    const port = new URL(first.container.url).port;
    const [code, line] = await refusal(['--port', port, '--data', join(dataDir, 'other')]);
    expect(code).toBe(1);
    expect(line).toBe(`storage: port ${port} is in use; stop what uses it, or start with --port-base\n`);
  });
});

test('SIGTERM ends it cleanly and everything is there', async () => {
  const before = await start();
  await before.container.create();
  before.process.kill('SIGTERM');
  const [code] = (await once(before.process, 'exit')) as [number];
  expect(code).toBe(0);
  const after = await start();
  expect(await after.container.exists()).toBe(true);
});
