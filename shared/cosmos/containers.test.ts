import { expect, test } from 'vitest';
import { CONTAINERS, type ContainerName, containerDefinition } from './containers.ts';

test('what grows with each delivery expires, but for the books; the rest is bounded by what there is', () => {
  const names = Object.keys(CONTAINERS) as ContainerName[];
  const lasting = names.filter((name) => containerDefinition(name).defaultTtl === undefined);
  // Accounts and packages are customers' own, available drones are at most the fleet, history is what invoices
  // are made from, leases are as many as readers.
  expect(lasting.toSorted()).toEqual(['accounts', 'availableDrones', 'history', 'leases', 'packages']);
});
