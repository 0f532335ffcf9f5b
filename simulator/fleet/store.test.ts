import { expect, test } from 'vitest';
import { folder, missionCommand, missionFor } from '../world.fixture.ts';
import { createFleet, NotCommitted } from './fleet.ts';
import { type FleetStore, openStore } from './store.ts';

const full = () => Object.assign(new Error('database or disk is full'), { errcode: 13 });

test('S1 on a full disk the error is the disk’s own, nothing of the change is kept, and the store goes on', async () => {
  await using data = await folder();
  const seeded = openStore(data.path);
  const fleet = createFleet({ store: seeded, drones: 3, seed: 1, now: () => new Date(0), boot: 'b' });
  fleet.save();
  seeded[Symbol.dispose]();
  using store = openStore(data.path, 1);
  const commandIds = Array.from({ length: 5_000 }, (_, n) => `command-${n}-${'x'.repeat(80)}`);
  expect(() => store.commit({ commandIds })).toThrow(/full/);
  expect(commandIds.some(store.isDecided)).toBe(false);
  expect(store.drones()).toHaveLength(3);
  expect(() => store.commit({ commandIds })).toThrow(/full/);
});

test('J1, J2 while the disk is full the flights go on; with room again every event comes once, in order', async () => {
  await using data = await folder();
  using store = openStore(data.path);
  let isFull = false;
  const commit: FleetStore['commit'] = (change) => {
    if (isFull) throw full();
    store.commit(change);
  };
  const said: unknown[] = [];
  const fleet = createFleet({
    store: { ...store, commit },
    drones: 3,
    seed: 1,
    now: () => new Date('2026-01-01T00:00:00Z'),
    boot: 'boot-1',
    onStoreTrouble: (problem) => said.push(problem === undefined ? 'over' : 'full'),
  });
  const command = missionCommand(missionFor(fleet, 'drone-1'));
  isFull = true;
  expect(() => fleet.handle(command)).toThrow(NotCommitted);
  expect(() => fleet.handle(command)).toThrow(NotCommitted);
  for (let second = 0; second < 60; second += 1) expect(fleet.advance(1)).toEqual([]);
  expect([said, store.pending('drone-1'), store.isDecided(command.commandId)]).toEqual([['full'], [], false]);
  isFull = false;
  const kinds = fleet.advance(1).map(({ kind }) => kind);
  expect(kinds.slice(0, 2)).toEqual(['MissionAccepted', 'TookOff']);
  expect(store.pending('drone-1').map(({ kind }) => kind)).toEqual(kinds);
  expect(fleet.handle(command)).toEqual([]);
  expect(said).toEqual(['full', 'over']);
  expect(store.dronesWithPending()).toEqual(['drone-1']);
});
