import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGate } from './gate.ts';

test('as many as it lets through run at the same time, in their order, and a failure makes room, too', async () => {
  const gate = createGate(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 6 }, () => Promise.withResolvers<number>());
  const works = ends.map(({ promise }, n) =>
    gate(() => {
      begun.push(n);
      return promise;
    }).catch((error: unknown) => error),
  );
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error('broken'));
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.resolve(0);
  ends[2]?.resolve(2);
  await turn();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  for (const { resolve } of ends) resolve(9);
  await Promise.all(works);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});
