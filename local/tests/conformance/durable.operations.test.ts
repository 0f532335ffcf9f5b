import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hub, openHub, type Status } from '../support/durable-hub.ts';

const is =
  (...wanted: string[]) =>
  ({ runtimeStatus }: Status) =>
    wanted.includes(runtimeStatus);
const types = ({ historyEvents }: Status) => historyEvents?.map(({ EventType }) => EventType);
const heal = (key: string) =>
  ((globalThis as { durableFixtureHealed?: Set<string> }).durableFixtureHealed ??= new Set()).add(key);
const runsOf = (key: string) =>
  (globalThis as unknown as { durableFixtureRuns: Map<string, number> }).durableFixtureRuns.get(key);
const list = async (hub: Hub, query: string) => {
  const { body } = await hub.call('GET', `/instances?${query}`);
  return (JSON.parse(body ?? '[]') as { instanceId: string }[]).map(({ instanceId }) => instanceId);
};
const json = <T>(text: string | undefined) => JSON.parse(text ?? 'null') as T;

let hub: Hub;
beforeAll(async () => {
  hub = await openHub();
});
afterAll(() => hub.durable.close(1_000));

describe('durable: rewind', () => {
  test('a failed activity is run again, what had succeeded keeps its result and is not run again', async () => {
    await hub.start('healable', 'rw', { key: 'rw' });
    expect((await hub.until('rw')).runtimeStatus).toBe('Failed');
    heal('rw');
    expect((await hub.call('POST', '/instances/rw/rewind?reason=healed')).status).toBe(202);
    const status = await hub.until('rw', is('Completed'));
    expect(status.output).toEqual(['first', 'rw is healed']);
    expect(runsOf('rw')).toBe(2);
  });

  test('the failure is gone from the history', async () => {
    const status = await hub.until('rw');
    expect(types(status)?.filter((type) => type === 'TaskFailed' || type === 'ExecutionCompleted')).toEqual([
      'ExecutionCompleted',
    ]);
    expect(types(status)).toContain('ExecutionRewound');
  });

  test('a failed sub-orchestration is rewound with its parent', async () => {
    await hub.start('parentOfHealable', 'rwp', { key: 'rwp' });
    expect((await hub.until('rwp')).runtimeStatus).toBe('Failed');
    heal('rwp');
    await hub.call('POST', '/instances/rwp/rewind');
    expect((await hub.until('rwp', is('Completed'))).output).toEqual(['before', ['first', 'rwp is healed']]);
    expect((await hub.until('rwp:child')).runtimeStatus).toBe('Completed');
  });

  test('what is still broken fails again', async () => {
    await hub.start('healable', 'rwf', { key: 'rwf' });
    await hub.until('rwf');
    await hub.call('POST', '/instances/rwf/rewind');
    await expect.poll(() => runsOf('rwf')).toBe(2);
    expect((await hub.until('rwf')).runtimeStatus).toBe('Failed');
  });

  // As on the real service: https://github.com/Azure/azure-functions-durable-extension/issues/617
  test('after a chain of retries it fails as non-deterministic, because the timers between them stay in the history', async () => {
    const input = { key: 'rwr', failures: 99, attempts: 2 };
    await hub.start('retriesWithoutEnd', 'rwr', input);
    expect((await hub.until('rwr')).runtimeStatus).toBe('Failed');
    await hub.call('POST', '/instances/rwr/rewind');
    const status = await hub.until('rwr', ({ output }) => /Non-Deterministic/.test(String(output)));
    expect(status.runtimeStatus).toBe('Failed');
    expect(runsOf('rwr')).toBe(2);
  });
});

describe('durable: termination and suspension', () => {
  test('terminating a parent leaves its child running', async () => {
    await hub.start('waitsForChild', 'tp');
    await hub.until('tp:child', is('Running'));
    await hub.call('POST', '/instances/tp/terminate?reason=over');
    expect(await hub.until('tp')).toMatchObject({ runtimeStatus: 'Terminated', output: 'over' });
    expect((await hub.status('tp:child')).runtimeStatus).toBe('Running');
    await hub.raise('tp:child', 'go', 1);
    await hub.raise('tp:child', 'go', 2);
    expect((await hub.until('tp:child')).output).toEqual([1, 2]);
  });

  test('a terminated instance keeps its status when its activity comes to an end later', async () => {
    await hub.start('raceUncancelled', 'tl', { ms: 60 });
    await hub.call('POST', '/instances/tl/terminate');
    const { historyEvents } = await hub.until('tl');
    await hub.start('timer', 'tl-clock', { ms: 120 });
    await hub.until('tl-clock');
    expect((await hub.until('tl')).historyEvents).toEqual(historyEvents);
  });

  test('a timer that is due while its instance is suspended fires once it is resumed', async () => {
    await hub.start('timer', 'st', { ms: 40 });
    await hub.until('st', is('Running'));
    await hub.call('POST', '/instances/st/suspend');
    await hub.until('st', is('Suspended'));
    await hub.start('timer', 'st-clock', { ms: 80 });
    await hub.until('st-clock');
    expect((await hub.status('st')).runtimeStatus).toBe('Suspended');
    await hub.call('POST', '/instances/st/resume');
    expect((await hub.until('st')).output).toBe('fired');
  });

  test('suspending what is suspended and resuming what is not are 500', async () => {
    await hub.start('inTurn', 'ss');
    await hub.until('ss', is('Running'));
    expect((await hub.call('POST', '/instances/ss/resume')).status).toBe(500);
    await hub.call('POST', '/instances/ss/suspend');
    await hub.until('ss', is('Suspended'));
    expect((await hub.call('POST', '/instances/ss/suspend')).status).toBe(500);
  });
});

describe('durable: timers and retries', () => {
  test('a timer of more than six days is made of pieces of three', async () => {
    await hub.start('longTimer', 'lt');
    const status = await hub.until('lt', ({ historyEvents }) => (historyEvents?.length ?? 0) > 1);
    const [created] = (status.historyEvents ?? []).filter(({ EventType }) => EventType === 'TimerCreated');
    const days = (Date.parse(String(created?.['FireAt'])) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(3, 2);
  });

  test('a timer of eight days fires after eight days', async () => {
    let now = Date.now();
    await using travelling = await openHub(undefined, { now: () => now });
    await travelling.start('longTimer', 'lt');
    await travelling.until(
      'lt',
      ({ historyEvents }) => types({ historyEvents } as Status)?.includes('TimerCreated') ?? false,
    );
    const dataDir = travelling.dataDir;
    await travelling.durable.close();
    for (const [days, fired] of [
      [3, 1],
      [5, 2],
    ] as const) {
      now += days * 86_400_000;
      await using later = await openHub(dataDir, { now: () => now });
      const { output } = await later.until(
        'lt',
        (each) => (types(each)?.filter((type) => type === 'TimerFired').length ?? 0) === fired,
      );
      expect(output).toBe(fired === 2 ? 'timer' : null);
    }
  });

  test('intervals of retries grow by the coefficient up to the longest', async () => {
    await hub.start('backsOff', 'bo');
    const { historyEvents = [] } = await hub.until('bo');
    const waits = historyEvents
      .filter(({ EventType }) => EventType === 'TimerCreated')
      .map(({ FireAt, Timestamp }) => Date.parse(String(FireAt)) - Date.parse(String(Timestamp)));
    expect(waits).toEqual([10, 20, 25, 0]);
  });

  test('a retried sub-orchestration of a given id runs under it every time', async () => {
    await hub.start('retriesChild', 'rc');
    const { output, historyEvents } = await hub.until('rc');
    expect(output).toBe("Orchestrator function 'throws' failed: boom");
    expect(
      historyEvents?.filter(({ EventType }) => EventType === 'SubOrchestrationInstanceFailed'),
    ).toHaveLength(2);
  });
});

describe('durable: orchestrator code', () => {
  test('an empty all fails the instance', async () => {
    await hub.start('emptyAll', 'ea');
    expect((await hub.until('ea')).runtimeStatus).toBe('Failed');
  });

  test('yielding a promise fails the instance', async () => {
    await hub.start('yieldsPromise', 'yp');
    expect((await hub.until('yp')).runtimeStatus).toBe('Failed');
  });

  test('guids are the same in every replay, and differ from each other', async () => {
    await hub.start('tells', 'tg', 1);
    const { guids } = (await hub.until('tg')).output as { guids: [string, string] };
    expect(guids[0]).not.toBe(guids[1]);
  });

  test('events that come after continueAsNew go on to the next generation, in order', async () => {
    await hub.start('carries', 'ca', { seen: [] });
    for (const value of ['a', 'b', 'c']) {
      await hub.raise('ca', 'go', value);
      await hub.until('ca', ({ input, runtimeStatus }) => {
        const { seen } = input as { seen: string[] };
        return runtimeStatus === 'Completed' || seen.at(-1) === value;
      });
    }
    expect((await hub.until('ca')).output).toEqual(['a', 'b', 'c']);
  });

  test('names of orchestrators, activities and entities ignore case', async () => {
    await hub.start('SIX', 'case');
    expect((await hub.until('case')).output).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('durable: starting', () => {
  test.each([
    ['an @ in the middle', 'a@b', 'a%40b'],
    ['a backslash', 'a\\b', 'a%5Cb'],
    ['a hash', 'a#b', 'a%23b'],
    ['a question mark', 'a?b', 'a%3Fb'],
    ['a colon', 'a:b', 'a:b'],
    ['an accent', 'aéb', 'a%C3%A9b'],
    ['a space', 'a b', 'a%20b'],
    ['300 characters', 'x'.repeat(300), 'x'.repeat(300)],
  ])('an id with %s runs to completion', async (_, id, encoded) => {
    expect((await hub.call('POST', `/orchestrators/tells/${encoded}`, 1)).status).toBe(202);
    expect((await hub.until(encoded)).output).toMatchObject({ instanceId: id });
  });

  test('an id with a slash is not found', async () => {
    expect((await hub.call('POST', '/orchestrators/tells/a/b', 1)).status).toBe(404);
  });

  test('a start that waits answers the bare output when it ends in time, else as a start', async () => {
    const done = await hub.call('POST', '/orchestrators/six/w1?timeout=5&pollingInterval=1', {});
    expect([done.status, json(done.body)]).toEqual([200, [0, 1, 2, 3, 4, 5]]);
    const late = await hub.call('POST', '/orchestrators/inTurn/w2?timeout=0.05&pollingInterval=0.01', {});
    expect([late.status, json<{ id: string }>(late.body).id]).toEqual([202, 'w2']);
  });

  test('a start without an id makes one of 32 hexadecimal digits', async () => {
    const { body } = await hub.call('POST', '/orchestrators/tells', 1);
    expect(json<{ id: string }>(body).id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('durable: lists and purging', () => {
  test('pages follow each other by the continuation token until there is none', async () => {
    for (let i = 0; i < 7; i++) await hub.start('tells', `page${i}`, i);
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const { body, headers } = await hub.durable.handle(
        {
          method: 'GET',
          path: '/instances',
          query: new URLSearchParams('instanceIdPrefix=page&top=3'),
          headers: token ? { 'x-ms-continuation-token': token } : {},
          body: Buffer.alloc(0),
          url: 'http://localhost/',
        },
        'public',
      );
      seen.push(...json<{ instanceId: string }[]>(body).map(({ instanceId }) => instanceId));
      token = headers['x-ms-continuation-token'];
    } while (token !== undefined);
    expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => `page${i}`));
  });

  test('entities are not among the instances', async () => {
    await hub.call('POST', '/entities/counter/listed?op=add', 1);
    await expect.poll(async () => (await hub.call('GET', '/entities/counter/listed')).body).toBe('1');
    expect((await list(hub, '')).filter((id) => id.startsWith('@'))).toEqual([]);
  });

  test('a purge by time and status removes what matches, with its history, and counts it', async () => {
    await using own = await openHub();
    await own.start('six', 'done');
    await own.start('throws', 'failed');
    await own.start('inTurn', 'running');
    for (const id of ['done', 'failed']) await own.until(id);
    const answer = await own.call(
      'DELETE',
      '/instances?createdTimeFrom=2000-01-01T00:00:00Z&runtimeStatus=Failed',
    );
    expect(json(answer.body)).toEqual({ instancesDeleted: 1 });
    expect((await own.call('GET', '/instances/failed')).status).toBe(404);
    expect(await list(own, '')).toEqual(['done', 'running']);
  });

  test('a purge by time leaves what is not over', async () => {
    await using own = await openHub();
    await own.start('inTurn', 'running');
    await own.until('running', is('Running'));
    expect((await own.call('DELETE', '/instances?createdTimeFrom=2000-01-01T00:00:00Z')).status).toBe(404);
    expect(await list(own, '')).toEqual(['running']);
  });
});

describe('durable: entities', () => {
  const state = async (key: string, name = 'counter') =>
    (await hub.call('GET', `/entities/${name}/${key}`)).body;

  test('a signal for a time in the future is delivered then, not before', async () => {
    const due = Date.now() + 150;
    await hub.call('POST', `/entities/counter/later?op=add&signalTime=${new Date(due).toISOString()}`, 5);
    expect((await hub.call('GET', '/entities/counter/later')).status).toBe(404);
    await expect.poll(() => state('later'), { interval: 5 }).toBe('5');
    expect(Date.now()).toBeGreaterThanOrEqual(due - 1);
  });

  test('an entity signals another one', async () => {
    await hub.call('POST', '/entities/relay/r?op=pass', { to: 'relayed', n: 4 });
    await expect.poll(() => state('relayed')).toBe('4');
    expect(await state('r', 'relay')).toBe('{"passed":true}');
  });

  test('a signal of an orchestration is delivered while that goes on', async () => {
    await hub.start('signalsLater', 'sl', { key: 'signalled', ms: 60_000 });
    await expect.poll(() => state('signalled')).toBe('1');
    expect((await hub.status('sl')).runtimeStatus).toBe('Running');
  });

  test('moves between two entities under locks of both keep the sum in any order', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `mv${i}`);
    await Promise.all(
      ids.map((id, i) =>
        hub.start('moves', id, { from: i % 2 ? 'p' : 'q', to: i % 2 ? 'q' : 'p', amount: i }),
      ),
    );
    for (const id of ids) expect((await hub.until(id)).runtimeStatus).toBe('Completed');
    expect(Number(await state('p')) + Number(await state('q'))).toBe(0);
  });

  test('locks of an orchestration that fails are released', async () => {
    await hub.start('locksAndFails', 'lf', { key: 'released' });
    expect((await hub.until('lf')).runtimeStatus).toBe('Failed');
    await hub.call('POST', '/entities/counter/released?op=add', 1);
    await expect.poll(() => state('released')).toBe('1');
  });

  test('locks of an orchestration that is terminated are released', async () => {
    await hub.start('locked', 'lt-lock', { key: 'taken' });
    await hub.call('POST', '/instances/lt-lock/terminate');
    await hub.until('lt-lock');
    await hub.call('POST', '/entities/counter/taken?op=add', 1);
    await expect.poll(async () => Number(await state('taken'))).toBeGreaterThanOrEqual(1);
  });

  test('a list of entities is by name, with their state when it is asked for', async () => {
    await hub.call('POST', '/entities/counter/in-list?op=add', 2);
    await expect.poll(() => state('in-list')).toBe('2');
    const { body } = await hub.call('GET', '/entities/counter?fetchState=true');
    const all = json<{ entityId: { name: string; key: string }; state: unknown }[]>(body);
    expect(all.find(({ entityId }) => entityId.key === 'in-list')).toMatchObject({
      state: 2,
      entityId: { name: 'counter' },
    });
    expect(all.every(({ entityId }) => entityId.name === 'counter')).toBe(true);
  });

  test('operations of an entity happen one after the other, in the order of their signals', async () => {
    for (let i = 1; i <= 20; i++) await hub.call('POST', '/entities/counter/order?op=add', i);
    await expect.poll(() => state('order')).toBe('210');
  });
});

describe('durable: callHttp', () => {
  const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  let polls = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body });
      if (url === '/long') return response.writeHead(202, { location: '/status', 'retry-after': '1' }).end();
      if (url === '/status' && ++polls === 1)
        return response.writeHead(202, { location: '/status', 'retry-after': '1' }).end();
      if (url === '/missing') return response.writeHead(404).end('nothing here');
      return response.writeHead(200, { 'content-type': 'text/plain' }).end(`${method} ${body}`);
    });
  });
  let origin: string;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test('a call is answered with status and content', async () => {
    await hub.start('calls', 'ch1', {
      method: 'POST',
      url: `${origin}/x`,
      body: 'sent',
      headers: { 'x-a': 'b' },
    });
    expect((await hub.until('ch1')).output).toEqual({ status: 200, content: 'POST sent' });
    expect(seen.at(-1)?.headers).toMatchObject({ 'x-a': 'b' });
  });

  test('a status that is no success is an answer, not a failure', async () => {
    await hub.start('calls', 'ch2', { url: `${origin}/missing` });
    expect((await hub.until('ch2')).output).toEqual({ status: 404, content: 'nothing here' });
  });

  test('202 with a Location is asked again after Retry-After, without the function key', async () => {
    await hub.start('calls', 'ch3', {
      url: `${origin}/long`,
      headers: { 'x-functions-key': 'secret', 'x-kept': 'yes' },
    });
    expect((await hub.until('ch3')).output).toEqual({ status: 200, content: 'GET ' });
    const asked = seen.filter(({ url }) => url === '/status');
    expect(asked).toHaveLength(2);
    for (const { headers } of asked)
      expect([headers['x-functions-key'], headers['x-kept']]).toEqual([undefined, 'yes']);
  });

  test('202 is the answer where polling is switched off', async () => {
    await hub.start('calls', 'ch4', { url: `${origin}/long`, enablePolling: false });
    expect((await hub.until('ch4')).output).toMatchObject({ status: 202 });
  });

  test('no answer at all fails the instance', async () => {
    await hub.start('calls', 'ch5', { url: 'http://127.0.0.1:1/' });
    expect((await hub.until('ch5')).runtimeStatus).toBe('Failed');
  });
});

describe('durable: where the real host waits for ever', () => {
  const warned = (id: string) => hub.logs.filter((line) => line.startsWith(`warning: ${id}: `)).join();

  test('differs: an orchestrator that throws a text fails at once (it stays Running for ever)', async () => {
    await hub.start('throwsText', 'df1');
    expect((await hub.until('df1')).runtimeStatus).toBe('Failed');
    expect(warned('df1')).toContain('real host it stays Running for ever');
  });

  test('differs: a sub-orchestrator that there is not fails its parent at once (it stays Running for ever)', async () => {
    await hub.start('noSuchChild', 'df2');
    expect((await hub.until('df2')).output).toContain("The function 'isNowhere' doesn't exist");
    expect(warned('df2')).toContain('real host it stays Running for ever');
  });

  test('differs: retries whose time runs out before their attempts fail at once (they wait for ever)', async () => {
    await hub.start('retryTimeout', 'df3');
    expect((await hub.until('df3')).runtimeStatus).toBe('Failed');
    expect(warned('df3')).toContain('real host it stays Running for ever');
  });

  test('differs: a timer never fires before its time (up to a second early)', async () => {
    const before = Date.now();
    await hub.start('timer', 'df4', { ms: 120 });
    expect((await hub.until('df4')).output).toBe('fired');
    expect(Date.now() - before).toBeGreaterThanOrEqual(120);
  });
});
