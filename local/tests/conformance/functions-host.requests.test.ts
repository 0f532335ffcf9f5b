import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hosted, host, KEYS, writeApp } from '../support/functions-host.ts';

const MAIN = `
const { app } = require('@azure/functions');
const all = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];
app.http('dump', { methods: all, handler: async (r, context) => ({ jsonBody: {
  url: r.url, params: r.params, query: Object.fromEntries(r.query), headers: Object.fromEntries(r.headers), body: await r.text(),
  trace: context.traceContext?.traceParent } }) });
app.http('size', { methods: ['POST'], handler: async (r) => ({ jsonBody: (await r.arrayBuffer()).byteLength }) });
app.http('guarded', { authLevel: 'function', handler: () => ({ body: 'in' }) });
app.http('other', { authLevel: 'function', handler: () => ({ body: 'in' }) });
app.http('admins', { authLevel: 'admin', handler: () => ({ body: 'in' }) });
app.http('off', { handler: () => ({ body: 'on' }) });
app.http('talks', { handler: (r, context) => {
  context.trace('a trace'); context.debug('a detail'); context.log('a word'); context.warn('a warning'); context.error('an error'); return {}; } });
app.http('fails', { handler: () => { throw new Error('it failed here'); } });
app.http('cookies', { handler: () => ({ body: 'x', cookies: [
  { name: 'a', value: '1', secure: true, sameSite: 'Strict', domain: 'example.org', expires: new Date('2030-01-02T03:04:05Z') },
  { name: 'b', value: 'ü;', sameSite: 'None' } ] }) });
app.http('Upper', { route: 'Mixed/Case', handler: () => ({ body: 'found', headers: { 'X-Mixed-Case': 'Kept' } }) });
app.http('outputs', { return: undefined, handler: (r, context) => ({ status: 201, headers: { location: '/x' }, body: new Uint8Array([1, 2, 255]) }) });
app.http('reserved', { route: 'admin/things', handler: () => ({}) });
app.timer('tick', { schedule: '0 0 3 * * *', handler: (timer, context) => context.log('ticked ' + JSON.stringify(timer)) });
app.storageQueue('queued', { connection: 'X', queueName: 'q', handler: () => {} });
app.hook.preInvocation((context) => { if (context.invocationContext.functionName === 'hooked') context.functionHandler = () => ({ body: 'by the hook' }); });
app.hook.postInvocation((context) => { if (context.invocationContext.functionName === 'hookedAfter') { context.error = null; context.result = { body: 'after' }; }; });
app.http('hooked', { handler: () => ({ body: 'by itself' }) });
app.http('hookedAfter', { handler: () => { throw new Error('stopped by the hook') } });
app.http('setting', { handler: () => ({ jsonBody: { own: process.env.OWN, both: process.env.BOTH } }) });
`;

let files: ReturnType<typeof writeApp>;
let app: Hosted;
const master = { 'x-functions-key': KEYS.master };
const json = { 'content-type': 'application/json' };

beforeAll(async () => {
  const logLevel = {
    default: 'Warning',
    Function: 'Information',
    'Function.talks': 'Debug',
    'Function.size': 'None',
  };
  files = writeApp(
    {
      'main.cjs': MAIN,
      'local.settings.json': JSON.stringify({
        IsEncrypted: false,
        Values: { OWN: 'from the file', BOTH: 'from the file' },
      }),
    },
    { logging: { logLevel } },
  );
  app = await host(files.dir, { env: { 'AzureWebJobs.off.Disabled': 'true', BOTH: 'from the environment' } });
});
afterAll(async () => {
  await app.stop();
  files.remove();
});

const statusOf = async (method: string, path: string, rest = {}) =>
  (await app.call(method, path, rest)).status;
const lines = () =>
  app
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: string; category: string; message: string });

/** The first line of what comes back for bytes as they are. */
function raw(text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(app.port, '127.0.0.1', () => socket.write(text));
  socket.once('data', (chunk) => {
    resolve(chunk.toString().split('\r\n')[0] ?? '');
    socket.destroy();
  });
  socket.once('error', (error) => resolve(String(error)));
  socket.once('close', () => resolve('closed'));
  return promise;
}

describe('functions-host: requests', () => {
  test('x-forwarded headers arrive as headers and change no url', async () => {
    const headers = { 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https' };
    const { url, headers: seen } = await app.json<{ url: string; headers: object }>('GET', '/api/dump?a=1', {
      headers,
    });
    expect(url).toBe(`${app.origin}/api/dump?a=1`);
    expect(seen).toMatchObject(headers);
  });

  test('the trace of the request goes on in the function', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(await app.json('GET', '/api/dump', { headers: { traceparent } })).toMatchObject({
      trace: traceparent,
    });
  });

  test('names of headers of a response keep what the library makes of them, a body of bytes stays bytes', async () => {
    expect((await app.call('GET', '/api/mixed/CASE')).headers['x-mixed-case']).toEqual(['Kept']);
    const { status, headers, body } = await app.call('GET', '/api/outputs');
    expect([status, headers['location'], [...body]]).toEqual([201, ['/x'], [1, 2, 255]]);
  });

  test('cookies keep domain, expiry, Secure and SameSite; their values are encoded', async () => {
    const { headers } = await app.call('GET', '/api/cookies');
    expect(headers['set-cookie']).toEqual([
      'a=1; expires=Wed, 02 Jan 2030 03:04:05 GMT; domain=example.org; path=/; secure; samesite=strict',
      'b=%C3%BC%3B; path=/; samesite=none',
    ]);
  });

  test('104,857,600 bytes of a body are taken, one more is 500', async () => {
    const most = Buffer.alloc(104_857_600);
    expect((await app.call('POST', '/api/size', { body: most })).body.toString()).toBe('104857600');
    expect(await statusOf('POST', '/api/size', { body: Buffer.concat([most, Buffer.alloc(1)]) })).toBe(500);
  });

  test('headers of 40 KB are 431', async () => {
    expect(await statusOf('GET', '/api/dump', { headers: { 'x-long': 'x'.repeat(40_000) } })).toBe(431);
  });

  test.each([
    ['a request line that is none', 'nonsense\r\n\r\n'],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: localhost\r\n: y\r\n\r\n'],
    [
      'two lengths',
      'POST /api/size HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    ],
    [
      'a length beside chunks',
      'POST /api/size HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('%s is 400, and the host goes on', async (_, text) => {
    expect(await raw(text)).toContain('400');
    expect(await statusOf('GET', '/api/dump')).toBe(200);
  });

  test('a target that is an absolute url finds the same function', async () => {
    expect(
      await raw(
        `GET ${app.origin}/api/dump HTTP/1.1\r\nhost: 127.0.0.1:${app.port}\r\nconnection: close\r\n\r\n`,
      ),
    ).toContain('200');
  });

  test('several requests on one connection are answered in order', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = '';
    const socket = connect(app.port, '127.0.0.1', () => {
      socket.write(
        'GET /api/dump HTTP/1.1\r\nhost: localhost\r\n\r\nGET /api/nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
      );
    });
    socket.on('data', (chunk) => (text += chunk)).on('close', () => resolve(text));
    expect((await promise).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
  });

  test('Expect: 100-continue is answered before the body is sent', async () => {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    const order: string[] = [];
    const sent = request(`${app.origin}/api/size`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 3 },
    });
    sent.on('continue', () => {
      order.push('continue');
      sent.end('abc');
    });
    sent.on('response', (response) => {
      order.push(String(response.statusCode));
      response.resume().on('end', () => resolve(order));
    });
    sent.flushHeaders();
    expect(await promise).toEqual(['continue', '200']);
  });
});

describe('functions-host: keys and levels', () => {
  test.each([
    ['no key', {}, 401],
    ['a wrong key', { 'x-functions-key': 'wrong' }, 401],
    ['the system key', { 'x-functions-key': KEYS.system.durabletask_extension }, 401],
    ['its own key', { 'x-functions-key': KEYS.functions.guarded }, 200],
    ['the host key', { 'x-functions-key': KEYS.host }, 200],
    ['the master key', master, 200],
  ])('level function answers %s', async (_, headers, status) => {
    expect(await statusOf('GET', '/api/guarded', { headers })).toBe(status);
  });

  test('the key of another function does not open', async () => {
    expect(await statusOf('GET', `/api/other?code=${KEYS.functions.guarded}`)).toBe(401);
  });

  test('the header wins over ?code=', async () => {
    expect(
      await statusOf('GET', `/api/guarded?code=${KEYS.host}`, { headers: { 'x-functions-key': 'wrong' } }),
    ).toBe(401);
  });

  test.each([
    ['the host key', KEYS.host, 401],
    ['the master key', KEYS.master, 200],
  ])('level admin answers %s', async (_, code, status) => {
    expect(await statusOf('GET', `/api/admins?code=${code}`)).toBe(status);
  });

  test('keys are the same for every level, in the development environment too', async () => {
    expect(await statusOf('GET', '/api/dump?code=wrong')).toBe(200);
  });
});

describe('functions-host: admin', () => {
  test('ping is anonymous, status wants the master key', async () => {
    expect(await statusOf('GET', '/admin/host/ping')).toBe(200);
    expect(await statusOf('GET', '/admin/host/status')).toBe(401);
    expect(await statusOf('GET', `/admin/host/status?code=${KEYS.host}`)).toBe(403);
    expect(await statusOf('GET', `/admin/host/status?code=${KEYS.system.durabletask_extension}`)).toBe(403);
  });

  test('status says what runs, its version, and what is in error', async () => {
    const status = await app.json<{ errors: string[] }>('GET', '/admin/host/status', { headers: master });
    expect(status).toMatchObject({
      state: 'Running',
      version: '4.1037.0',
      processUptime: expect.any(Number),
    });
    expect(status.errors.join()).toContain("The 'queued' function is in error");
  });

  test('the list of functions has each with its bindings, and says which are switched off', async () => {
    const list = await app.json<{ name: string; isDisabled: boolean }[]>('GET', '/admin/functions', {
      headers: master,
    });
    const off = list.filter(({ isDisabled }) => isDisabled).map(({ name }) => name);
    expect(off).toEqual(['off']);
    expect(list.length).toBeGreaterThan(10);
  });

  test('one function is shown with the address to call it, in any case of its name', async () => {
    expect(await app.json('GET', '/admin/functions/UPPER', { headers: master })).toMatchObject({
      name: 'Upper',
      invoke_url_template: `http://localhost:${app.port}/api/Mixed/Case`,
      config: { bindings: [expect.objectContaining({ type: 'httpTrigger' }), expect.anything()] },
    });
    expect(await statusOf('GET', '/admin/functions/nowhere', { headers: master })).toBe(404);
  });

  test.each([
    ['an unknown function', 'nowhere', json, '{"input":""}', 404],
    ['JSON that is none', 'tick', json, '{bad', 400],
    ['another content type', 'tick', { 'content-type': 'text/plain' }, '{}', 415],
    ['a timer', 'tick', json, '{"input":null}', 202],
    ['an HTTP function', 'dump', json, '{"input":"x"}', 202],
  ])('running %s by hand is answered by its status alone', async (_, name, headers, body, status) => {
    const answer = await app.call('POST', `/admin/functions/${name}`, {
      headers: { ...headers, ...master },
      body,
    });
    expect([answer.status, answer.body.length]).toEqual([status, 0]);
  });

  test('a timer that is run by hand is told its schedule', async () => {
    await app.call('POST', '/admin/functions/tick', { headers: { ...json, ...master }, body: '{}' });
    await expect
      .poll(() => lines().find(({ message }) => message.startsWith('ticked'))?.message)
      .toContain('"scheduleStatus":{"last":"0001-01-01T00:00:00+00:00","next":"');
  });

  test('running by hand wants a key', async () => {
    expect(await statusOf('POST', '/admin/functions/tick', { headers: json, body: '{}' })).toBe(401);
  });

  test('keys of the host are listed, and one that is renewed takes the place of the old one', async () => {
    const list = await app.json('GET', '/admin/host/keys', { headers: master });
    expect(list).toEqual({ keys: [{ name: 'default', value: KEYS.host }], links: [] });
    expect(await app.json('GET', '/admin/host/systemkeys', { headers: master })).toMatchObject({
      keys: [{ name: 'durabletask_extension', value: KEYS.system.durabletask_extension }],
    });
  });

  test('a key that is set for a function opens it at once and is kept in the file', async () => {
    const put = { headers: { ...json, ...master }, body: '{"name":"default","value":"chosen"}' };
    expect(await statusOf('PUT', '/admin/functions/other/keys/default', put)).toBe(201);
    expect(await statusOf('GET', '/api/other?code=chosen')).toBe(200);
    const kept = JSON.parse(readFileSync(join(app.dataDir, 'the-keys.json'), 'utf8')) as typeof KEYS;
    expect(kept.functions).toMatchObject({ guarded: KEYS.functions.guarded, other: 'chosen' });
  });

  test('a key that is renewed shuts out the old one, a key that is removed is gone', async () => {
    const { value } = await app.json<{ value: string }>('POST', '/admin/functions/other/keys/default', {
      headers: master,
    });
    expect(await statusOf('GET', '/api/other?code=chosen')).toBe(401);
    expect(await statusOf('GET', `/api/other?code=${value}`)).toBe(200);
    expect(await statusOf('DELETE', '/admin/functions/other/keys/default', { headers: master })).toBe(204);
    expect(await statusOf('GET', `/api/other?code=${value}`)).toBe(401);
  });

  test('not supported: a second key beside the default', async () => {
    const answer = await app.call('PUT', '/admin/functions/other/keys/second', {
      headers: { ...json, ...master },
      body: '{"value":"x"}',
    });
    expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('not supported')]);
  });
});

describe('functions-host: functions of an app', () => {
  test('a function that a setting switches off is not found', async () => {
    expect(await statusOf('GET', '/api/off')).toBe(404);
  });

  test('a route that begins with admin keeps its prefix and is found under it', async () => {
    expect(await statusOf('GET', '/api/admin/things')).toBe(200);
  });

  test('not supported: a trigger that this host does not have is in error, the others run', async () => {
    expect(await app.json('GET', '/admin/functions/queued/status', { headers: master })).toEqual({
      errors: ["The 'queued' function is in error: queueTrigger is not supported by this host."],
    });
  });

  test('a preInvocation hook may replace the function, a postInvocation hook its result', async () => {
    expect((await app.call('GET', '/api/hooked')).body.toString()).toBe('by the hook');
    expect((await app.call('GET', '/api/hookedAfter')).body.toString()).toBe('after');
  });

  test('local.settings.json fills the environment where that does not say otherwise', async () => {
    expect(await app.json('GET', '/api/setting')).toEqual({
      own: 'from the file',
      both: 'from the environment',
    });
  });
});

describe('functions-host: log', () => {
  /** What a process writes arrives a little after the answer that it was about. */
  const written = async (category: string, count = 1) => {
    const of = () => lines().filter((line) => line.category === category);
    await expect.poll(() => of().length).toBeGreaterThanOrEqual(count);
    return of();
  };

  test('an invocation is one line in the category Function.<name>, with its outcome, id and duration', async () => {
    await app.call('GET', '/api/Mixed/Case');
    const [mine] = await written('Function.Upper');
    expect(mine).toMatchObject({
      level: 'information',
      message: expect.stringMatching(
        /^Executed 'Functions\.Upper' \(Succeeded, Id=[0-9a-f-]{36}, Duration=\d+ms\)$/,
      ),
    });
  });

  test('a failed invocation is an error with its reason', async () => {
    await app.call('GET', '/api/fails');
    const [line] = await written('Function.fails');
    expect(line).toMatchObject({ level: 'error', message: expect.stringContaining('Error: it failed here') });
  });

  test('what a function says is in Function.<name>.User, from the level that host.json sets for it', async () => {
    await app.call('GET', '/api/talks');
    const said = await written('Function.talks.User', 4);
    expect(said.map(({ level, message }) => [level, message])).toEqual([
      ['debug', 'a detail'],
      ['information', 'a word'],
      ['warning', 'a warning'],
      ['error', 'an error'],
    ]);
  });

  test('a category of level None says nothing, and the default holds for the rest', async () => {
    await app.call('POST', '/api/size', { body: 'x' });
    const before = lines().filter(({ category }) => category === 'Function.Upper').length;
    await app.call('GET', '/api/Mixed/Case');
    await written('Function.Upper', before + 1);
    expect(lines().filter(({ category }) => category.startsWith('Function.size'))).toEqual([]);
    expect(
      lines().filter(({ level, category }) => category === 'Host.Startup' && level === 'information'),
    ).toEqual([]);
  });
});
