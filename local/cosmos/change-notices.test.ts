import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ChangeNotices, createChangeNotices } from './change-notices.ts';

let notices: ChangeNotices;
const stays = () => () => undefined;

beforeEach(() => {
  vi.useFakeTimers();
  notices = createChangeNotices();
});
afterEach(() => vi.useRealTimers());

test('a change wakes all who wait for its container, and only these (N1)', async () => {
  const waits = [notices.wait(1, 1_000, stays), notices.wait(1, 1_000, stays), notices.wait(2, 1_000, stays)];
  notices.announce(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await Promise.all(waits)).toEqual([true, true, false]);
});

test('each end of a wait leaves no timer behind (N2)', async () => {
  let leave: () => void = () => undefined;
  const waits = [
    notices.wait(1, 1_000, (left) => {
      leave = left;
      return () => undefined;
    }),
    notices.wait(2, 1_000, stays),
    notices.wait(3, 1_000, stays),
  ];
  leave();
  notices.announce(2);
  notices[Symbol.dispose]();
  expect(await Promise.all(waits)).toEqual([false, true, false]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a wait that has ended no longer listens for its caller’s disconnect (N2)', async () => {
  const stay = vi.fn();
  const wait = notices.wait(1, 1_000, () => stay);
  expect(stay).not.toHaveBeenCalled();
  notices.announce(1);
  await wait;
  expect(stay).toHaveBeenCalledOnce();
});

test('after the end nobody waits', async () => {
  notices[Symbol.dispose]();
  expect(await notices.wait(1, 1_000, stays)).toBe(false);
});
