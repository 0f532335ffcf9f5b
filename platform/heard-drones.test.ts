import { expect, test } from 'vitest';
import { createHeardCounter, type DronePage } from './heard-drones.ts';

/** A fleet whose drones are registered and heard one after the other, in any order of their names. */
function fleet(pageSize: number) {
  const states = new Map<string, boolean>();
  const reads: (string | undefined)[] = [];
  const readPage = async (continuation: string | undefined): Promise<DronePage> => {
    reads.push(continuation);
    const ids = [...states.keys()].toSorted().filter((id) => id > (continuation ?? ''));
    const drones = ids.slice(0, pageSize).map((id) => (states.get(id) ? { state: {} } : {}));
    const last = ids[pageSize - 1];
    return { drones, ...(ids.length > pageSize && last !== undefined ? { continuation: last } : {}) };
  };
  return { states, reads, readPage };
}

test('C1 a page that is complete is not read again', async () => {
  const { states, reads, readPage } = fleet(10);
  for (let index = 100; index < 150; index++) states.set(`d${index}`, index < 125);
  const count = createHeardCounter(readPage, 50);
  expect(await count()).toBe(25);
  expect(reads).toHaveLength(3);
  expect(await count()).toBe(25);
  expect(reads.slice(3)).toEqual(['d119']);
  for (const id of states.keys()) states.set(id, true);
  expect(await count()).toBe(50);
  expect(reads).toHaveLength(7);
});

test.each([[(ids: string[]) => ids], [(ids: string[]) => ids.toReversed()]])(
  'C2 all are counted, in any order in which they are registered and heard (%#)',
  async (order) => {
    const { states, readPage } = fleet(7);
    const ids = Array.from({ length: 100 }, (_, index) => `drone-${index + 1}`);
    const count = createHeardCounter(readPage, ids.length);
    for (const id of order(ids)) {
      states.set(id, false);
      expect(await count()).toBeLessThan(ids.length);
      states.set(id, true);
      await count();
    }
    let rounds = 0;
    while ((await count()) < ids.length) expect((rounds += 1)).toBeLessThan(3);
  },
);
