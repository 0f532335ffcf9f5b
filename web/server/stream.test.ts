import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { answerJson, startServer } from '../../tests/harness/http-server.ts';
import { createFollow, type StreamState } from './stream.ts';

const EVENT_STREAM = { 'content-type': 'text/event-stream' };

interface Watched {
  readonly frames: unknown[];
  readonly states: StreamState[];
}

/** A tracking service that issues tickets and answers stream after stream as the test says. */
async function tracking(...streams: ((response: ServerResponse, url: URL) => void)[]) {
  let tickets = 0;
  return startServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://tracking');
    if (url.pathname === '/tickets') {
      tickets += 1;
      return answerJson(response, 201, { ticket: `t${tickets}` });
    }
    streams.shift()?.(response, url);
  });
}

const open = (response: ServerResponse) => response.writeHead(200, EVENT_STREAM);
const frame = (value: number, id = value) => `id: ${id}\ndata: {"value":${value}}\n\n`;

async function watch(origin: string, options: { silenceMs?: number; last?: number } = {}): Promise<Watched> {
  const watched: Watched = { frames: [], states: [] };
  const follow = createFollow({
    origin,
    token: () => Promise.resolve('secret'),
    reject: () => watched.frames.push('rejected'),
    ...(options.silenceMs ? { silenceMs: options.silenceMs } : {}),
  });
  await follow(
    { deliveryId: 'd1' },
    {
      onFrame: (each) => watched.frames.push((each as { value: number }).value),
      onState: (state) => watched.states.push(state),
      isLast: (each) => (each as { value: number }).value === (options.last ?? 3),
      onUnknown: () => Promise.resolve(watched.states.filter((state) => state === 'waiting').length < 3),
    },
    new AbortController().signal,
  );
  return watched;
}

test('reads frames that arrive in pieces, with a byte order mark, comments and lone carriage returns', async () => {
  await using server = await tracking((response) => {
    open(response);
    const bytes = Buffer.from(`\uFEFF: hello\rid: 1\rdata: {"value":\rdata: 1}\r\r${frame(2)}${frame(3)}`);
    let sent = 0;
    const next = () => {
      if (sent >= bytes.length) return;
      response.write(bytes.subarray(sent, (sent += 5)), () => setImmediate(next));
    };
    next();
  });
  expect(await watch(server.origin)).toEqual({ frames: [1, 2, 3], states: ['open'] });
});

test('a stream that breaks is opened again with a new ticket and the last id, after the pause the server asks for', async () => {
  const urls: string[] = [];
  await using server = await tracking(
    (response, url) => {
      urls.push(url.search);
      open(response).end(`retry: 10\n\n${frame(1, 41)}`);
    },
    (response, url) => {
      urls.push(url.search);
      open(response).end(frame(3));
    },
  );
  const { frames, states } = await watch(server.origin);
  expect(frames).toEqual([1, 3]);
  expect(states).toEqual(['open', 'broken', 'connecting', 'open']);
  expect(urls).toEqual(['?ticket=t1', '?ticket=t2&lastEventId=41']);
});

test('an id with NUL is ignored, as the standard says', async () => {
  const seen: (string | null)[] = [];
  await using server = await tracking(
    (response) => open(response).end(`retry: 1\n\n${frame(1)}id: 9\0\ndata: {"value":2}\n\n`),
    (response, url) => {
      seen.push(url.searchParams.get('lastEventId'));
      open(response).end(frame(3));
    },
  );
  await watch(server.origin);
  expect(seen).toEqual(['1']);
});

test('a connection without heartbeats is dead: it is given up and opened again', async () => {
  await using server = await tracking(
    (response) => open(response).write(`retry: 1\n\n${frame(1)}`),
    (response) => open(response).end(frame(3)),
  );
  const { frames, states } = await watch(server.origin, { silenceMs: 300 });
  expect(frames).toEqual([1, 3]);
  expect(states).toContain('broken');
});

test('204 means that everything was seen; frames after the last are not shown', async () => {
  await using done = await tracking((response) => response.writeHead(204).end());
  expect((await watch(done.origin)).frames).toEqual([]);
  await using more = await tracking((response) => open(response).end(`${frame(3)}${frame(4)}`));
  expect((await watch(more.origin)).frames).toEqual([3]);
});

test('an unknown delivery is asked for again until the caller gives up; another refusal is an error', async () => {
  await using unknown = await startServer((_, response) => answerJson(response, 404, { code: 'not_found' }));
  expect((await watch(unknown.origin)).states).toEqual(['waiting', 'waiting', 'waiting']);
  await using forbidden = await startServer((_, response) =>
    answerJson(response, 403, { code: 'forbidden', detail: 'this needs the role operator' }),
  );
  await expect(watch(forbidden.origin)).rejects.toMatchObject({ code: 'forbidden', status: 403 });
});

test('a used ticket and a service that starts again are tried again; a refused token is reported', async () => {
  const statuses = [401, 503];
  await using server = await tracking(
    (response) => answerJson(response, statuses.shift() ?? 500),
    (response) => answerJson(response, statuses.shift() ?? 500),
    (response) => open(response).end(frame(3)),
  );
  expect((await watch(server.origin)).states).toEqual([
    'broken',
    'connecting',
    'broken',
    'connecting',
    'open',
  ]);
  await using strict = await startServer((_, response) =>
    answerJson(response, 401, { code: 'token_expired' }),
  );
  await expect(watch(strict.origin)).rejects.toMatchObject({ code: 'token_expired' });
});
