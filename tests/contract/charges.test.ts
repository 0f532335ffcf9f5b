/** What a delivery may cost: requests to Cosmos DB by step, so that they cannot creep back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CosmosRequest, type CosmosRequests, countCosmosRequests } from '../harness/cosmos-requests.ts';
import { startWorld, type World } from './saga.fixture.ts';

let world: World;
let requests: CosmosRequests;
/** Of one delivery by drone. */
let counted: readonly CosmosRequest[];
let activities: readonly string[];

beforeAll(async () => {
  requests = countCosmosRequests();
  const began: string[] = [];
  world = await startWorld({
    onPhase: (name) => {
      requests.label = name;
      if (name.startsWith('scheduler_')) began.push(name);
    },
  });
  const events = [
    { at: 1, kind: 'MissionAccepted' },
    { at: 5, kind: 'TookOff' },
    { at: 60, kind: 'PickedUp' },
    { at: 120, kind: 'Delivered' },
  ] as const;
  const journey = { name: 'by drone', events, leaves: {} };
  // Connections and query plans are asked for once.
  await world.travel(journey);
  [requests.all.length, began.length] = [0, 0];
  const { ended } = await world.travel(journey);
  if (!ended) throw new Error('the delivery did not end');
  counted = requests.all.filter(({ label }) => label !== 'prepare' && label !== 'fixture');
  activities = [...began];
});
afterAll(async () => {
  requests[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const kindsOf = (label: string, container: string) =>
  counted
    .filter((request) => request.label === label && request.container === container)
    .map(({ operation }) => operation);

describe('a delivery by drone', () => {
  test('has one write of its document for every activity, and no read before it', () => {
    // The first one reads what may have come before the document; a wake reads what came.
    const [first, ...others] = activities.filter((name) => !/_(inbox|finish)$/.test(name));
    expect(first).toBe('scheduler_together');
    for (const name of new Set(others.filter((each) => each !== first))) {
      const times = others.filter((each) => each === name).length;
      expect([name, kindsOf(name, 'workflows')]).toEqual([name, Array(times).fill('patch')]);
    }
    expect(kindsOf('scheduler_together', 'workflows').toSorted()).toEqual(['patch', 'patch', 'query']);
    expect(kindsOf('scheduler_finish', 'workflows')).toEqual(['query', 'batch']);
  });

  test('has one write for every event that it is told', () => {
    for (const kind of ['MissionAccepted', 'TookOff', 'PickedUp', 'Delivered']) {
      expect(counted.filter(({ label }) => label === `event ${kind}`)).toMatchObject([
        { container: 'workflows', operation: 'batch' },
      ]);
    }
  });

  test('costs the recorded number of requests until the drone takes off, and until its history entry', () => {
    const takeOff = counted.findIndex(({ label }) => label === 'event TookOff');
    expect(takeOff).toBeGreaterThan(10);
    expect(takeOff).toBeLessThanOrEqual(35);
    expect(counted.length).toBeLessThanOrEqual(68);
  });
});
