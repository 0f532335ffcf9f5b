import { expect, test } from 'vitest';
import { createTickets } from './tickets.ts';

const HOLDER = { subject: 'alice', expiresAt: Number.POSITIVE_INFINITY };

test('T1 once, in time, for its own stream', () => {
  let time = 0;
  const tickets = createTickets(() => time);
  const delivery = { deliveryId: 'd-1' };
  const issue = (scope: Parameters<typeof tickets.issue>[0]) => tickets.issue(scope, HOLDER).ticket;
  const first = issue(delivery);
  expect(tickets.redeem(first, delivery)).toEqual(HOLDER);
  expect(tickets.redeem(first, delivery)).toBeUndefined();
  const second = issue(delivery);
  expect(tickets.redeem(second, { deliveryId: 'd-2' })).toBeUndefined();
  expect(tickets.redeem(second, delivery)).toBeUndefined();
  expect(tickets.redeem(issue({ fleet: true }), { deliveryId: 'fleet' })).toBeUndefined();
  const late = issue(delivery);
  time = 30_000;
  tickets.sweep();
  expect(tickets.redeem(late, delivery)).toBeUndefined();
  expect(new Set(Array.from({ length: 100 }, () => issue(delivery))).size).toBe(100);
});

test('T2 it carries the end of its token, and cannot be redeemed after that', () => {
  let time = 0;
  const tickets = createTickets(() => time);
  const holder = { subject: 'alice', expiresAt: 10_000 };
  const [soon, late] = [tickets.issue({ fleet: true }, holder), tickets.issue({ fleet: true }, holder)];
  expect(soon.redeemableUntil).toBe(10_000);
  expect(tickets.redeem(soon.ticket, { fleet: true })).toEqual(holder);
  time = 10_000;
  expect(tickets.redeem(late.ticket, { fleet: true })).toBeUndefined();
});
