/** R1 to R4: an app that crashes costs the invocations that run, and the host serves again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOST, host, writeApp } from '../support/functions-host.ts';

const MAIN = `
const { app } = require('@azure/functions');
app.http('ok', { handler: () => ({ body: String(process.pid) }) });
app.http('cache', { handler: () => ({ body: process.env.NODE_COMPILE_CACHE }) });
app.http('slow', { handler: () => new Promise((resolve) => setTimeout(resolve, 60000, { body: 'late' })) });
app.http('throws', { handler: () => { setTimeout(() => { throw new Error('thrown outside'); }, 10); return { body: 'soon' }; } });
app.http('rejects', { handler: () => { setTimeout(() => Promise.reject(new Error('not handled')), 10); return { body: 'soon' }; } });
app.http('exits', { handler: () => { process.exit(0); } });
app.http('hangs', { handler: () => new Promise(() => undefined) });
`;

const folder = mkdtempSync(join(tmpdir(), 'crash-'));
const running = new Set<ChildProcess>();
let files: ReturnType<typeof writeApp>;

beforeAll(() => {
  files = writeApp({ 'main.cjs': MAIN }, { functionTimeout: '00:00:01' });
});
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  files.remove();
  rmSync(folder, { recursive: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly output: () => string;
}

/** The command as a person starts it: without a parent that watches it. */
async function start(name: string): Promise<Started> {
  const args = [HOST, '--app', files.dir, '--port', '0', '--data', join(folder, name)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  const ready = Promise.withResolvers<string>();
  const take = (chunk: Buffer) => {
    output += chunk.toString();
    const [, port] = /functions-host: ready \{"port":(\d+)\}/.exec(output) ?? [];
    if (port !== undefined) ready.resolve(port);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.once('exit', () => ready.reject(new Error(output)));
  return { child, origin: `http://127.0.0.1:${await ready.promise}`, output: () => output };
}

const answer = (url: string) =>
  fetch(url).then(
    async (response) => ({ status: response.status, text: await response.text() }),
    () => ({ status: 0, text: 'cut' }),
  );

describe('functions-host: an app that crashes', () => {
  test.each([
    ['an exception that nothing catches', 'throws', 'thrown outside'],
    ['a rejection that nothing handles', 'rejects', 'not handled'],
    ['process.exit', 'exits', 'process.exit(0)'],
    ['an invocation beyond functionTimeout', 'hangs', 'functionTimeout'],
  ])('%s costs the invocations that run, and the host serves again on its port', async (_, route, reason) => {
    const { child, origin, output } = await start(route);
    expect(await answer(`${origin}/api/ok`)).toEqual({ status: 200, text: String(child.pid) });
    const waiting = answer(`${origin}/api/slow`);
    void answer(`${origin}/api/${route}`);
    // Nothing can be answered behind process.exit.
    expect((await waiting).status).toBe(route === 'exits' ? 0 : 500);
    await expect.poll(() => output().split(': ready').length - 1).toBe(2);
    expect(await answer(`${origin}/api/ok`)).toEqual({ status: 200, text: String(child.pid) });
    expect(output()).toContain(reason);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  test('R4 it begins again with the code that it had compiled', async () => {
    const { origin, output } = await start('compiled');
    const cache = join(folder, 'compiled', 'compile-cache');
    const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    expect(files.length).toBeGreaterThan(0);
    void answer(`${origin}/api/throws`);
    await expect.poll(() => output().split(': ready').length - 1, { timeout: 20_000 }).toBe(2);
    expect(await answer(`${origin}/api/cache`)).toEqual({ status: 200, text: cache });
  });

  test('five crashes in a minute are too many: the host stays down, and says so', async () => {
    const { child, origin, output } = await start('again');
    const exited = once(child, 'exit');
    for (let crash = 1; crash <= 5; crash++) {
      await expect.poll(() => answer(`${origin}/api/ok`)).toMatchObject({ status: 200 });
      await answer(`${origin}/api/throws`);
      await expect.poll(() => output().split('thrown outside').length - 1).toBeGreaterThanOrEqual(crash);
    }
    expect(await exited).toEqual([1, null]);
    expect(output()).toContain('5 times in a minute');
  });

  test('a host whose parent watches it ends with a code that is not 0, for the parent to start it again', async () => {
    await using forked = await host(files.dir, { dataDir: mkdtempSync(join(folder, 'forked-')) });
    const exited = once(forked.child, 'exit');
    await forked.call('GET', '/api/exits').catch(() => undefined);
    expect(await exited).toEqual([1, null]);
  });
});
