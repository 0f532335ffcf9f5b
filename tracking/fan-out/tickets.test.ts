import { expect, test } from 'vitest';
import { createTickets } from './tickets.ts';

test('T1 once, in time, for its own stream', () => {
  let time = 0;
  const tickets = createTickets(() => time);
  const delivery = { deliveryId: 'd-1' };
  const first = tickets.issue(delivery);
  expect(tickets.redeem(first, delivery)).toBe(true);
  expect(tickets.redeem(first, delivery)).toBe(false);
  const second = tickets.issue(delivery);
  expect(tickets.redeem(second, { deliveryId: 'd-2' })).toBe(false);
  expect(tickets.redeem(second, delivery)).toBe(false);
  expect(tickets.redeem(tickets.issue({ fleet: true }), { deliveryId: 'fleet' })).toBe(false);
  const late = tickets.issue(delivery);
  time = 30_000;
  tickets.sweep();
  expect(tickets.redeem(late, delivery)).toBe(false);
  expect(new Set(Array.from({ length: 100 }, () => tickets.issue(delivery))).size).toBe(100);
});
