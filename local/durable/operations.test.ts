import { describe, expect, test } from 'vitest';
import { fixtureApp, type Hub, openHub, type Status } from '../tests/support/durable-hub.ts';

const is =
  (wanted: string) =>
  ({ runtimeStatus }: Status) =>
    runtimeStatus === wanted;

/** One instance in each state, named by it. */
async function inEveryState(hub: Hub): Promise<void> {
  await hub.start('inTurn', 'running');
  await hub.start('six', 'completed');
  await hub.start('throws', 'failed');
  await hub.start('inTurn', 'terminated');
  await hub.until('running', is('Running'));
  await hub.call('POST', '/instances/terminated/terminate?reason=enough');
  for (const id of ['completed', 'failed', 'terminated']) await hub.until(id);
}

describe('operations', () => {
  test('each answers by the state of the instance', async () => {
    await using hub = await openHub();
    await inEveryState(hub);
    const statuses: Record<string, number[]> = {};
    for (const id of ['nope', 'completed', 'failed', 'terminated']) {
      statuses[id] = [(await hub.raise(id, 'go')).status];
      for (const operation of ['terminate', 'suspend', 'resume', 'rewind'])
        statuses[id].push((await hub.call('POST', `/instances/${id}/${operation}`)).status);
    }
    expect(statuses).toEqual({
      nope: [404, 404, 404, 404, 404],
      completed: [410, 410, 410, 410, 412],
      failed: [410, 410, 410, 410, 202],
      terminated: [410, 410, 410, 410, 412],
    });
  });

  test('the reason of a termination is the output', async () => {
    await using hub = await openHub();
    await inEveryState(hub);
    expect(await hub.status('terminated')).toMatchObject({ runtimeStatus: 'Terminated', output: 'enough' });
  });

  test('a suspended instance keeps its events for later', async () => {
    await using hub = await openHub();
    await hub.start('inTurn', 's');
    await hub.until('s', is('Running'));
    expect((await hub.call('POST', '/instances/s/suspend?reason=pause')).status).toBe(202);
    expect(await hub.until('s', is('Suspended'))).toMatchObject({ output: 'pause' });
    expect((await hub.call('POST', '/instances/s/suspend')).status).toBe(500);
    await hub.raise('s', 'go', 1);
    await hub.raise('s', 'go', 2);
    expect(await hub.status('s')).toMatchObject({ runtimeStatus: 'Suspended' });
    expect((await hub.call('POST', '/instances/s/resume?reason=on')).status).toBe(202);
    expect(await hub.until('s')).toMatchObject({ runtimeStatus: 'Completed', output: [1, 2] });
  });

  test('an active id is refused, a finished one starts again', async () => {
    await using hub = await openHub();
    await inEveryState(hub);
    const again = await hub.start('six', 'running');
    expect(again.status).toBe(409);
    expect(again.body).toBe(
      '{"Message":"An Orchestration instance with the status Running already exists."}',
    );
    for (const id of ['completed', 'failed', 'terminated']) {
      expect((await hub.start('six', id, { again: true })).status).toBe(202);
      expect(await hub.until(id)).toMatchObject({ runtimeStatus: 'Completed', input: { again: true } });
    }
  });

  test('starts of one id at the same moment are all accepted and one runs', async () => {
    await using hub = await openHub();
    const replies = await Promise.all([1, 2, 3].map((n) => hub.start('sixCounted', 'once', { n })));
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    await hub.until('once');
    const runs = (globalThis as unknown as { durableFixtureRuns: Map<string, number> }).durableFixtureRuns;
    expect(runs.get('once/0')).toBe(1);
  });

  test('only what is over can be purged', async () => {
    await using hub = await openHub();
    await inEveryState(hub);
    expect((await hub.call('DELETE', '/instances/running')).status).toBe(412);
    expect((await hub.call('DELETE', '/instances/completed')).body).toBe('{"instancesDeleted":1}');
    expect((await hub.call('DELETE', '/instances/completed')).status).toBe(404);
    const rest = '/instances?createdTimeFrom=2000-01-01T00:00:00Z';
    expect((await hub.call('DELETE', rest)).body).toBe('{"instancesDeleted":2}');
    expect((await hub.call('DELETE', '/instances')).status).toBe(400);
  });

  test('a list is filtered and comes in pages', async () => {
    await using hub = await openHub();
    await inEveryState(hub);
    const names = async (query: string) => {
      const { body } = await hub.call('GET', `/instances?${query}`);
      return (JSON.parse(body ?? '[]') as { instanceId: string }[]).map(({ instanceId }) => instanceId);
    };
    expect(await names('')).toEqual(['completed', 'failed', 'running', 'terminated']);
    expect(await names('runtimeStatus=Running,Failed')).toEqual(['failed', 'running']);
    expect(await names('instanceIdPrefix=comp')).toEqual(['completed']);
    expect(await names('createdTimeFrom=2099-01-01T00:00:00Z')).toEqual([]);
    const page = await hub.call('GET', '/instances?top=3');
    const token = page.headers['x-ms-continuation-token'];
    expect(Buffer.from(token ?? '', 'base64').toString()).toBe('terminated');
  });

  test('a restart runs the same input under a new id or the same', async () => {
    await using hub = await openHub();
    await hub.start('fan', 'f', { n: 3 });
    await hub.until('f');
    const restarted = JSON.parse((await hub.call('POST', '/instances/f/restart')).body ?? '{}') as {
      id: string;
    };
    expect(restarted.id).not.toBe('f');
    expect((await hub.until(restarted.id)).output).toBe(3);
    expect((await hub.call('POST', '/instances/f/restart?restartWithNewInstanceId=false')).status).toBe(202);
    expect((await hub.call('POST', '/instances/nope/restart')).status).toBe(400);
  });

  test('the history of a terminated instance names the activity that was running', async () => {
    const app = await fixtureApp();
    const held = Promise.withResolvers<void>();
    const invoke: typeof app.invoke = async (name, invocation) => {
      if (name === 'echo') await held.promise;
      return app.invoke(name, invocation);
    };
    await using hub = await openHub(undefined, { app: { ...app, invoke } });
    await hub.start('six', 'held');
    await hub.until('held', is('Running'));
    await hub.call('POST', '/instances/held/terminate?reason=enough');
    const { historyEvents = [] } = await hub.until('held');
    held.resolve();
    expect(historyEvents.map(({ EventType }) => EventType)).toEqual([
      'ExecutionStarted',
      'TaskScheduled',
      'ExecutionTerminated',
      'ExecutionCompleted',
    ]);
    expect(historyEvents[1]).toEqual({
      EventType: 'TaskScheduled',
      Name: 'echo',
      Input: null,
      ParentTraceContext: null,
      Tags: null,
      Timestamp: expect.any(String),
    });
  });

  test('the history of a running parent names the child that it waits for', async () => {
    await using hub = await openHub();
    await hub.start('waitsForChild', 'p');
    await hub.until('p:child', is('Running'));
    const { historyEvents = [] } = await hub.status('p', 'showHistory=true');
    expect(historyEvents[1]).toMatchObject({
      EventType: 'SubOrchestrationInstanceCreated',
      InstanceId: 'p:child',
      Name: 'inTurn',
    });
    expect(historyEvents[1]).not.toHaveProperty('Version');
  });

  test('showInput=false leaves the inputs out of the history, too', async () => {
    await using hub = await openHub();
    await hub.start('six', 's', { secret: true });
    await hub.until('s');
    const shown = await hub.status('s', 'showHistory=true&showInput=false');
    expect(shown.input).toBeNull();
    for (const event of shown.historyEvents ?? []) expect(event).not.toHaveProperty('Input');
  });
});

describe('ids', () => {
  const ODD = ['a@b', 'two words', ' edges ', "quo'te", 'semi;colon', 'per%cent', 'a,b', 'ümläut', '$'];

  test.each(ODD)('the operations of the instance %j reach it', async (id) => {
    await using hub = await openHub();
    const path = encodeURIComponent(id);
    const started = await hub.call('POST', `/orchestrators/inTurn/${path}`, {});
    const urls = JSON.parse(started.body ?? '{}') as Record<string, string>;
    expect(urls['id']).toBe(id);
    expect(new URL(urls['statusQueryGetUri'] ?? '').pathname).toBe(
      `/runtime/webhooks/durabletask/instances/${path}`,
    );
    await hub.until(path, is('Running'));
    await hub.call('POST', `/instances/${path}/suspend`);
    await hub.until(path, is('Suspended'));
    await hub.call('POST', `/instances/${path}/resume`);
    await hub.raise(path, 'go', 1);
    await hub.raise(path, 'go', 2);
    expect(await hub.until(path)).toMatchObject({ instanceId: id, output: [1, 2] });
    const listed = await hub.call('GET', `/instances?instanceIdPrefix=${path}`);
    expect(JSON.parse(listed.body ?? '[]')).toMatchObject([{ instanceId: id }]);
    expect((await hub.call('DELETE', `/instances/${path}`)).body).toBe('{"instancesDeleted":1}');
  });

  test('a page may begin with any of them', async () => {
    await using hub = await openHub();
    for (const id of ODD) await hub.call('POST', `/orchestrators/six/${encodeURIComponent(id)}`, {});
    for (const id of ODD) await hub.until(encodeURIComponent(id));
    const seen: string[] = [];
    for (let token: string | undefined, page = 0; page === 0 || token; page++) {
      const query = new URLSearchParams({ top: '1' });
      const { body, headers } = await hub.durable.handle(
        {
          method: 'GET',
          path: '/instances',
          query,
          headers: token ? { 'x-ms-continuation-token': token } : {},
          body: new Uint8Array(),
          url: 'http://localhost:7071/instances',
        },
        'public',
      );
      seen.push(
        ...(JSON.parse(body ?? '[]') as { instanceId: string }[]).map(({ instanceId }) => instanceId),
      );
      token = headers['x-ms-continuation-token'];
    }
    expect(seen.toSorted()).toEqual(ODD.toSorted());
  });

  test('a slash divides the path, encoded or not: 404', async () => {
    await using hub = await openHub();
    for (const path of ['/orchestrators/six/a/b', '/orchestrators/six/a%2Fb', '/instances/a%2Fb%2Fc%2Fd'])
      expect([path, (await hub.call('POST', path, {})).status]).toEqual([path, 404]);
    expect((await hub.call('GET', '/entities/counter/a%2Fb')).status).toBe(404);
    expect((await hub.call('POST', '/orchestrators//six', {})).status).toBe(404);
  });

  test('a plus is a space, as the extension decodes paths', async () => {
    await using hub = await openHub();
    await hub.call('POST', '/orchestrators/six/a+b', {});
    expect(await hub.until('a%20b')).toMatchObject({ instanceId: 'a b' });
  });

  test('an @ at the beginning is for entities: 400, and a parent that asks for such a child fails', async () => {
    await using hub = await openHub();
    const refused = await hub.call('POST', '/orchestrators/six/%40six%40x', {});
    expect([refused.status, refused.body]).toEqual([400, expect.stringContaining('must not start with @')]);
    await hub.start('callsChild', 'parent', { child: '@six@x' });
    expect((await hub.until('parent')).output).toContain('must not start with @');
    await hub.start('callsChild', 'itself', { child: 'itself' });
    expect((await hub.until('itself')).output).toContain('must be different');
  });

  test.each(['a@b', 'two words', 'ümläut', 'a/b', '@'])('an entity may have the key %j', async (key) => {
    await using hub = await openHub();
    await hub.start('entityCalls', 'calls', { key });
    expect((await hub.until('calls')).output).toMatchObject({ sum: 5, after: 5 });
    const listed = await hub.call('GET', '/entities/counter?fetchState=true');
    expect(JSON.parse(listed.body ?? '[]')).toMatchObject([{ entityId: { name: 'counter', key }, state: 5 }]);
    if (key.includes('/')) return;
    const path = `/entities/counter/${encodeURIComponent(key)}`;
    expect((await hub.call('GET', path)).body).toBe('5');
    expect((await hub.call('POST', `${path}?op=add`, 1)).status).toBe(202);
    await expect.poll(async () => (await hub.call('GET', path)).body).toBe('6');
  });
});
