import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHostLog, styleFor } from '../../functions-host/log.ts';
import { ends, HOST, host, writeApp } from '../support/functions-host.ts';

const HELLO = (word: string) =>
  `require('@azure/functions').app.http('hello', { handler: (r, context) => { context.log('said'); return { body: '${word}' }; } });`;

let data: string;
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'command-'));
});
afterAll(() => rmSync(data, { recursive: true }));

const failing: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ['a host.json that is no JSON', { 'host.json': '{bad' }, /host\.json is not JSON: /],
  ['a host.json without version 2.0', { 'host.json': '{}' }, /host\.json must say "version": "2\.0"/],
  ['a package.json without main', { 'package.json': '{}' }, /package\.json has no "main"/],
  [
    'a main that is not built',
    { 'package.json': '{"main":"dist/*.js"}' },
    /does not exist: build the app first/,
  ],
  [
    'an app that throws while it is loaded',
    { 'main.cjs': 'throw new Error("not today")' },
    /main\.cjs could not be loaded: not today/,
  ],
  [
    'a function name that is taken',
    { 'main.cjs': `${HELLO('a')}${HELLO('b')}` },
    /A function with id "hello" has already been registered/,
  ],
  [
    'a local.settings.json that is no JSON',
    { 'main.cjs': HELLO('a'), 'local.settings.json': 'x' },
    /local\.settings\.json is not JSON/,
  ],
];

describe('functions-host: command', () => {
  test.each(failing)('%s is said in one line, exit code 1', async (_, files, message) => {
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('x'), ...files });
    const { code, errors } = await ends(['--app', dir, '--port', '0', '--data', data]);
    remove();
    expect({ code, lines: errors.split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(errors).toMatch(message);
  });

  test('a folder that is not there, and one without an app, are said in one line', async () => {
    expect(await ends(['--app', join(data, 'nowhere'), '--port', '0', '--data', data])).toMatchObject({
      code: 1,
      errors: expect.stringMatching(
        /^functions-host: .*nowhere does not exist: name the folder of a Function App$/,
      ),
    });
    expect(await ends(['--app', data, '--port', '0', '--data', data])).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/host\.json does not exist: a Function App has one$/),
    });
  });

  test('a port that is in use is named, with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('x') });
    const { code, errors } = await ends(['--app', dir, '--port', String(port), '--data', data]);
    other.close();
    remove();
    expect([code, errors]).toEqual([
      1,
      `functions-host: port ${port} is in use: stop what uses it, or choose another with --port`,
    ]);
  });

  test.each([
    ['an option that there is not', ['--prot', '1']],
    ['a port that is no number', ['--port', 'many']],
    ['a log style that there is not', ['--log', 'xml']],
  ])('%s is exit code 2, with the usage', async (_, args) => {
    const { code, errors } = await ends(args);
    expect([code, errors.split('\n').length]).toEqual([2, 1]);
    expect(errors).toContain('functions-host [--app .]');
  });

  test('where no keys are given they are made once, kept in the data folder, readable by the owner alone', async () => {
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('x') });
    const dataDir = join(data, 'keys');
    const read = async () => {
      await using _app = await host(dir, { dataDir, keys: null });
      return readFileSync(join(dataDir, 'keys.json'), 'utf8');
    };
    const first = await read();
    expect(await read()).toBe(first);
    const keys = JSON.parse(first) as Record<string, unknown>;
    expect(Object.keys(keys)).toEqual(['master', 'host', 'system', 'functions']);
    expect(statSync(join(dataDir, 'keys.json')).mode & 0o777).toBe(0o600);
    remove();
  });

  test('an app of ES modules and one whose main is a pattern are loaded', async () => {
    const esm = writeApp({
      'package.json': '{"type":"module","main":"*.fn.js"}',
      'one.fn.js': `import { app } from '@azure/functions'; app.http('one', { handler: () => ({ body: '1' }) });`,
      'two.fn.js': `import { app } from '@azure/functions'; app.http('two', { handler: () => ({ body: '2' }) });`,
    });
    await using app = await host(esm.dir);
    expect((await app.call('GET', '/api/one')).body.toString()).toBe('1');
    expect((await app.call('GET', '/api/two')).body.toString()).toBe('2');
    esm.remove();
  });

  test('--watch loads the app again when a file of it changes, and waits for a change when it cannot be loaded', async () => {
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('first') });
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    const child: ChildProcess = fork(
      HOST,
      ['--app', dir, '--port', String(port), '--data', join(dir, '.data'), '--watch'],
      { silent: true },
    );
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk));
    const says = () =>
      fetch(`http://127.0.0.1:${port}/api/hello`).then(
        (answer) => answer.text(),
        () => 'down',
      );
    const patience = { timeout: 60_000, interval: 50 };
    await expect.poll(says, patience).toBe('first');
    writeFileSync(join(dir, 'main.cjs'), HELLO('second'));
    await expect.poll(says, patience).toBe('second');
    writeFileSync(join(dir, 'main.cjs'), 'throw new Error("half a file")');
    await expect.poll(() => output, patience).toContain('waiting for a change');
    expect(output).toContain('half a file');
    writeFileSync(join(dir, 'main.cjs'), HELLO('third'));
    await expect.poll(says, patience).toBe('third');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(existsSync(join(dir, '.data'))).toBe(true);
    remove();
  });

  test('differs: an unhandled rejection ends the host, exit code 1, with its reason (the real one starts its worker again)', async () => {
    const bad = `require('@azure/functions').app.http('bad', { handler: () => { void Promise.reject(new Error('nobody caught it')); return {}; } });`;
    const { dir, remove } = writeApp({ 'main.cjs': bad });
    const app = await host(dir);
    const ended = once(app.child, 'exit');
    await app.call('GET', '/api/bad');
    expect(await ended).toEqual([1, null]);
    await expect.poll(app.output).toContain('nobody caught it');
    remove();
  });

  test('SIGTERM ends the host with exit code 0', async () => {
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('x') });
    const app = await host(dir);
    app.child.kill('SIGTERM');
    expect(await once(app.child, 'exit')).toEqual([0, null]);
    remove();
  });

  test('for people an invocation is one tidy line', async () => {
    const { dir, remove } = writeApp({ 'main.cjs': HELLO('x') });
    await using app = await host(dir, { args: ['--log', 'lines'] });
    await app.call('GET', '/api/hello');
    const mine = () =>
      app
        .output()
        .split('\n')
        .filter((line) => line.includes('hello'));
    await expect.poll(() => mine().length).toBe(2);
    expect(mine()[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}hello {2}Succeeded {2}\d+ ms$/);
    remove();
  });
});

describe('functions-host: log for people', () => {
  test('colours are for a terminal, NO_COLOR is honoured, a file gets JSON', () => {
    expect(styleFor({ isTTY: true }, {})).toBe('colour');
    expect(styleFor({ isTTY: true }, { NO_COLOR: '1' })).toBe('lines');
    expect(styleFor({}, {})).toBe('json');
  });

  test('a coloured line says the same as a plain one', () => {
    const lines: string[] = [];
    const say = (style: 'colour' | 'lines') =>
      createHostLog({}, (line) => lines.push(line.slice(style === 'colour' ? 0 : 12)), style)(
        'error',
        'Function.pay',
        `Executed 'Functions.pay' (Failed, Id=1, Duration=7ms): Error: no\n    at x`,
      );
    say('colour');
    say('lines');
    const [coloured = '', plain = ''] = lines;
    expect(coloured).toContain('\u001b[31m');
    expect(stripVTControlCharacters(coloured).slice(12)).toBe(plain);
    expect(plain).toBe('  pay  Failed  7 ms  Error: no');
  });
});
