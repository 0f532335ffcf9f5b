import { describe, expect, test } from 'vitest';
import { type Hub, openHub, type Status } from './harness.ts';

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
});
