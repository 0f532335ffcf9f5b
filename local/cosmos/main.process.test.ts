import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Container, CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL_HEADERS } from '../control.ts';
import { EMULATOR_KEY } from './auth.ts';

const ENTRY = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cosmos-main-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly controlPort: number | undefined;
}

async function start(data: string, args: readonly string[] = []): Promise<Running> {
  const child = fork(ENTRY, ['--port', '0', '--data', data, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await once(child, 'message')) as [{ type: string; port: number; controlPort?: number }];
  expect(message.type).toBe('ready');
  return { child, port: message.port, controlPort: message.controlPort };
}

async function end({ child }: Running, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

function connect(port: number): CosmosClient {
  return new CosmosClient({
    endpoint: `http://127.0.0.1:${port}/`,
    key: EMULATOR_KEY,
    connectionPolicy: {
      enableEndpointDiscovery: false,
      requestTimeout: 2_000,
      retryOptions: { maxRetryAttemptCount: 0 },
    },
  });
}

async function items(client: CosmosClient): Promise<Container> {
  const { database } = await client.databases.createIfNotExists({ id: 'db' });
  const definition = { id: 'items', partitionKey: { paths: ['/pk'] } };
  return (await database.containers.createIfNotExists(definition)).container;
}

describe('kill -9', () => {
  test('loses no answered write and leaves no half batch', async () => {
    const data = join(folder, 'killed');
    const answered = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const running = await start(data);
      const client = connect(running.port);
      const container = await items(client);
      let stopped = false;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; !stopped; n++) {
          const id = `${round}-${writer}-${n}`;
          const halves = ['a', 'b', 'c'].map((part) => ({
            operationType: 'Create' as const,
            resourceBody: { id: `${id}-${part}`, pk: id },
          }));
          try {
            const { code } = await container.items.batch(halves, id);
            if (code === 200) answered.add(id);
          } catch {
            // The server is gone, or going: this batch has no answer.
            return;
          }
        }
      });
      const before = answered.size;
      while (answered.size < before + 60) await new Promise((resolve) => setTimeout(resolve, 5));
      await end(running, 'SIGKILL');
      stopped = true;
      await Promise.all(writers);
      client.dispose();
    }
    const running = await start(data);
    const client = connect(running.port);
    const container = await items(client);
    const { resources } = await container.items.query<string>('SELECT VALUE c.pk FROM c').fetchAll();
    const parts = new Map<string, number>();
    for (const pk of resources) parts.set(pk, (parts.get(pk) ?? 0) + 1);
    expect([...answered].filter((id) => parts.get(id) !== 3)).toEqual([]);
    expect([...parts].filter(([, count]) => count !== 3)).toEqual([]);
    client.dispose();
    await end(running, 'SIGKILL');
  });
});

test('ends cleanly with 0 on SIGTERM, and has everything when started again', async () => {
  const data = join(folder, 'clean');
  const first = await start(data);
  const client = connect(first.port);
  await (await items(client)).items.create({ id: 'kept', pk: 'p' });
  client.dispose();
  expect(await end(first, 'SIGTERM')).toBe(0);
  const second = await start(data);
  const again = connect(second.port);
  expect((await (await items(again)).item('kept', 'p').read()).statusCode).toBe(200);
  again.dispose();
  expect(await end(second, 'SIGINT')).toBe(0);
});

test('faults are set and cleared over the control port', async () => {
  const running = await start(join(folder, 'faults'), ['--control-port', '0']);
  const control = `http://127.0.0.1:${running.controlPort}/faults`;
  const client = connect(running.port);
  const container = await items(client);
  const post = (body: string) =>
    fetch(control, { method: 'POST', headers: CONTROL_HEADERS, body }).then(({ status }) => status);
  expect(await post(JSON.stringify({ kind: 'retryWith', operation: 'create', count: 1 }))).toBe(204);
  const create = (id: string) =>
    container.items.create({ id, pk: 'p' }).then(
      ({ statusCode }) => statusCode,
      (error: { code: number }) => error.code,
    );
  expect(await create('a')).toBe(449);
  expect(await create('a')).toBe(201);
  expect(await post(JSON.stringify({ kind: 'retryWith' }))).toBe(204);
  expect((await fetch(control, { method: 'DELETE', headers: CONTROL_HEADERS })).status).toBe(204);
  expect(await create('b')).toBe(201);
  expect(await post('{"kind":"explode"}')).toBe(400);
  expect(await post('{"kind":"delay","delay":5}')).toBe(400);
  expect(await post('nonsense')).toBe(400);
  expect(
    (await fetch(`http://127.0.0.1:${running.controlPort}/other`, { headers: CONTROL_HEADERS })).status,
  ).toBe(404);
  client.dispose();
  await end(running, 'SIGTERM');
});

describe('a start that cannot be says why in one line', () => {
  const failing = (args: readonly string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [ENTRY, ...args], { encoding: 'utf8' });
    return { status, lines: stderr.trim().split('\n') };
  };

  test('a port in use: exit code 1', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { status, lines } = failing(['--port', String(port), '--data', join(folder, 'port')]);
    other.close();
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/port \d+ is in use/)]);
  });

  test('bad arguments: exit code 2', async () => {
    const config = join(folder, 'bad.json');
    await writeFile(config, '{"roles": {"a": {"b": "own"}}}');
    for (const args of [
      ['--port', 'x'],
      ['--config', config],
    ]) {
      const { status, lines } = failing(args);
      expect(status).toBe(2);
      expect(lines).toHaveLength(1);
    }
  });

  test('a file of another version: exit code 1', async () => {
    const data = join(folder, 'version');
    await end(await start(data), 'SIGTERM');
    const { DatabaseSync } = await import('node:sqlite');
    const file = new DatabaseSync(join(data, 'cosmos.db'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    const { status, lines } = failing(['--port', '0', '--data', data]);
    expect(status).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/another version.*delete it/)]);
  });
});
