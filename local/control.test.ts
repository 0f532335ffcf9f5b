import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONTROL_HEADERS, type Control, startControl } from './control.ts';

let control: Control;
let seen: unknown[];

beforeEach(async () => {
  seen = [];
  const commands = {
    'POST /faults': (body: unknown) => {
      if (body === 'bad') throw new Error('not a fault');
      seen.push(body);
    },
    'DELETE /faults': () => {
      seen = [];
    },
    'GET /faults': () => seen,
  };
  control = await startControl(commands, 0);
});

afterEach(() => control.close());

const call = async (method: string, path: string, body?: string) => {
  const response = await fetch(`http://127.0.0.1:${control.port}${path}`, {
    method,
    headers: CONTROL_HEADERS,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
};

test('a command gets the body, parsed', async () => {
  expect((await call('POST', '/faults', '{"kind":"delay"}')).status).toBe(204);
  expect((await call('POST', '/faults')).status).toBe(204);
  expect(seen).toEqual([{ kind: 'delay' }, undefined]);
  expect((await call('DELETE', '/faults')).status).toBe(204);
  expect(seen).toEqual([]);
});

test('what a command returns is the answer', async () => {
  await call('POST', '/faults', '{"kind":"delay"}');
  expect(await call('GET', '/faults')).toEqual({ status: 200, text: '[{"kind":"delay"}]' });
});

test.each([['{'], ['nonsense'], ['"bad"'], ['x'.repeat(100_000)]])(
  'a body that is wrong answers 400 and harms nothing: %.10s',
  async (body) => {
    const { status, text } = await call('POST', '/faults', body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({ message: expect.any(String) as string });
    expect((await call('POST', '/faults', '1')).status).toBe(204);
  },
);

test('what there is not answers 404, a wrong method 405, each with what there is', async () => {
  expect(await call('GET', '/other')).toMatchObject({ status: 404 });
  expect(await call('GET', '/toString')).toMatchObject({ status: 404 });
  const { status, text } = await call('PUT', '/faults', '1');
  expect(status).toBe(405);
  expect(text).toContain('POST /faults, DELETE /faults');
});

test('a request that is cut off harms nothing', async () => {
  const socket = connect(control.port, '127.0.0.1');
  socket.write(
    'POST /faults HTTP/1.1\r\nhost: localhost\r\nx-local-control: 1\r\ncontent-length: 100\r\n\r\n{"kind"',
  );
  await once(socket, 'connect');
  socket.destroy();
  expect((await call('POST', '/faults', '2')).status).toBe(204);
  expect(seen).toEqual([2]);
});

test.each([
  ['no header of its own', { 'content-type': 'application/json' }, 403],
  ['a body that a page may send', { ...CONTROL_HEADERS, 'content-type': 'text/plain' }, 415],
  ['a page elsewhere', { ...CONTROL_HEADERS, origin: 'http://evil.example' }, 403],
  ['a page without an origin', { ...CONTROL_HEADERS, origin: 'null' }, 403],
])('C2: a request with %s commands nothing', async (_, headers, status) => {
  const init = { method: 'POST', headers, body: '{"kind":"delay"}' };
  expect((await fetch(`http://127.0.0.1:${control.port}/faults`, init)).status).toBe(status);
  expect(seen).toEqual([]);
});
