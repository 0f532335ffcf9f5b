import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hosted, host } from '../support/functions-host.ts';

/** The app that was hosted by a real host when its streaming was looked at. */
const APP = join(import.meta.dirname, 'recorded/appstream');
/** What the real host takes 240 s for. */
const AT_ONCE_MS = 20_000;
/** Node keeps an idle connection for 5 s. */
const LONGER_THAN_KEPT_MS = 7_000;

let app: Hosted;
beforeAll(async () => {
  app = await host(APP);
});
afterAll(() => app.stop());

interface Dump {
  readonly url: string;
  readonly params: Record<string, string>;
  readonly query: [string, string][];
  readonly all: string[];
  readonly headers: Record<string, string>;
  readonly hasBody: boolean;
}
const dump = (method: string, path: string, rest = {}) => app.json<Dump>(method, path, rest);
const warnings = () =>
  app
    .output()
    .split('\n')
    .filter((line) => line.includes('"level":"warning"'));

describe('functions-host: HTTP streaming', () => {
  test('a body that is a generator arrives chunk by chunk while the function goes on', async () => {
    const answer = await fetch(`${app.origin}/api/gen`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const arrivals: number[] = [];
    let text = '';
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      arrivals.push(performance.now());
      text += Buffer.from(chunk).toString();
    }
    expect(text).toBe('part0\npart1\npart2\npart3\n');
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(1_000);
  });

  test.each([
    ['a text body', '/api/ok', 200, 'ok'],
    ['a JSON body', '/api/retJson', 200, '{"a":1}'],
    ['an empty object: 200, empty', '/api/retEmptyObj', 200, ''],
    ['jsonBody null: 200, empty', '/api/retJsonNull', 200, ''],
    ['status 204', '/api/ret204', 204, ''],
    ['status 500 of the function, with its body', '/api/ret500', 500, 'mine'],
  ])('answers %s', async (_, path, status, body) => {
    const answer = await app.call('GET', path);
    expect([answer.status, answer.body.toString()]).toEqual([status, body]);
  });

  test('repeated headers arrive joined by a comma, repeated query keys as they came; of a repeated key the last value leaks into the parameters', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = '';
    const socket = connect(app.port, '127.0.0.1', () =>
      socket.write(
        'GET /api/dump?a=1&b=x&A=2 HTTP/1.1\r\nhost: localhost\r\nx-own: 1\r\nx-own: 2\r\nconnection: close\r\n\r\n',
      ),
    );
    socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('close', () => resolve(text));
    const answer = await promise;
    const { params, query, headers } = JSON.parse(
      answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1),
    ) as Dump;
    expect(query).toEqual([
      ['a', '1'],
      ['b', 'x'],
      ['A', '2'],
    ]);
    expect(headers['x-own']).toBe('1,2');
    expect(params).toEqual({ a: '2', b: 'x' });
  });

  test('requests that wait while the process is frozen are answered, though the connections inside the host have timed out meanwhile', async () => {
    const open = (method: string, body = '') => {
      const socket = connect(app.port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      const path = body ? '/api/bodyInfo' : '/api/dump';
      const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n`;
      return {
        socket,
        text: () => text,
        ask: () => socket.write(head + body),
        answers: () => text.split('HTTP/1.1 200').length - 1,
      };
    };
    const clients = [open('GET'), open('DELETE'), open('POST', '{"a":1}')];
    const answers = () => clients.map((client) => client.answers());
    for (const { ask } of clients) ask();
    await expect.poll(answers).toEqual([1, 1, 1]);
    app.child.kill('SIGSTOP');
    for (const { ask } of clients) ask();
    await pause(LONGER_THAN_KEPT_MS);
    app.child.kill('SIGCONT');
    await expect.poll(answers).toEqual([2, 2, 2]);
    expect(clients[2]?.text().split('"len":7').length).toBe(3);
    for (const { socket } of clients) socket.destroy();
  });

  test('answers carry x-ms-invocation-id', async () => {
    const { headers } = await app.call('GET', '/api/ok');
    expect(headers['x-ms-invocation-id']?.[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('cookies and headers of the function arrive', async () => {
    const { headers } = await app.call('GET', '/api/retCookies');
    expect(headers['x-a']).toEqual(['b']);
    expect(headers['set-cookie']).toEqual(['c1=v%201; Max-Age=10; Path=/; HttpOnly; SameSite=Lax', 'c2=v2']);
  });

  test.each([
    ['throws', '/api/throwErr'],
    ['returns undefined', '/api/retUndefined'],
    ['returns null', '/api/retNull'],
    ['returns a string', '/api/retString'],
    ['returns status 99', '/api/retStatus99'],
  ])(
    'differs: a function that %s is answered 500, empty, at once (nothing for 240 s, then the same)',
    async (_, path) => {
      const before = warnings().length;
      const answer = await app.call('GET', path, { timeoutMs: AT_ONCE_MS });
      expect(answer).toMatchObject({ status: 500 });
      expect(answer.body).toHaveLength(0);
      await expect.poll(() => warnings().slice(before).join()).toContain('240 s');
    },
  );

  test('differs: a body generator that throws has its connection cut at once after its first chunk (after 240 s)', async () => {
    const answer = await app.call('GET', '/api/genThrow', { timeoutMs: AT_ONCE_MS });
    expect(answer).toMatchObject({ status: 200, aborted: true });
    expect(answer.body.toString()).toBe('part0\n');
  });

  test('values of the query leak into the parameters, those of the route win, the key stays out', async () => {
    const { params } = await dump('GET', '/api/dumpr/first?one=query&three=3&code=secret');
    expect(params).toEqual({ one: 'first', three: '3' });
  });

  test('an encoded slash in the url is encoded twice', async () => {
    expect((await dump('GET', '/api/dumpr/a%2Fb')).url).toContain('/api/dumpr/a%252Fb');
  });

  test('several values of a query key stay several', async () => {
    expect((await dump('GET', '/api/dump?a=1&a=2')).all).toEqual(['1', '2']);
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s reaches a function that lists it', async (method) => {
    expect((await app.call(method, '/api/dump')).status).toBe(200);
  });

  test('a request in chunks, without a length, keeps its body', async () => {
    const info = await app.json('POST', '/api/bodyInfo', { body: 'x'.repeat(100_000), chunked: true });
    expect(info).toMatchObject({ len: 100_000, hasBody: true });
  });

  test('a request with a length keeps its body', async () => {
    const headers = { 'content-type': 'application/json' };
    expect(await app.json('POST', '/api/bodyInfo?as=json', { body: '{"a":1}', headers })).toMatchObject({
      json: { a: 1 },
    });
  });

  test('a function that does not read its body still answers', async () => {
    const answer = await app.call('POST', '/api/noread', { body: Buffer.alloc(50_000) });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'noread']);
  });

  test('keys are asked for before anything is forwarded', async () => {
    expect((await app.call('GET', '/api/authFn')).status).toBe(401);
    expect((await app.call('GET', '/api/authFn?code=the-host-key')).status).toBe(200);
  });

  test('a wrong method or constraint is 404', async () => {
    expect((await app.call('DELETE', '/api/ok')).status).toBe(404);
    expect((await app.call('GET', '/api/dumpi/x')).status).toBe(404);
  });

  test('the Durable client in a streaming function makes its check-status response', async () => {
    const answer = await app.call('GET', '/api/check/abc');
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ id: 'abc' });
  });

  test('twenty requests at once are each answered with their own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => dump('GET', `/api/dumpr/${i}/${i * 2}`)),
    );
    expect(answers.map(({ params }) => params['two'])).toEqual(answers.map((_, i) => String(i * 2)));
  });

  test('a client that goes away does not disturb the next', async () => {
    const gone = await app.call('GET', '/api/slow?ms=5000', { timeoutMs: 100 });
    expect(gone.hangs).toBe(true);
    expect((await app.call('GET', '/api/ok')).status).toBe(200);
  });
});
