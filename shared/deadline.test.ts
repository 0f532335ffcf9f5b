import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withDeadline } from './deadline.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('work that is done in time answers, and leaves no timer', async () => {
  await expect(withDeadline(Promise.resolve(7), 1000, 'quick')).resolves.toBe(7);
  expect(vi.getTimerCount()).toBe(0);
});

test('work that fails in time fails as itself, and leaves no timer', async () => {
  await expect(withDeadline(Promise.reject(new Error('broken')), 1000, 'broken')).rejects.toThrow('broken');
  expect(vi.getTimerCount()).toBe(0);
});

test('work that takes longer is given up at the deadline, not before', async () => {
  const settled = vi.fn();
  const answer = withDeadline(new Promise(() => undefined), 1000, 'slow').catch((error: unknown) => {
    settled();
    return error;
  });
  await vi.advanceTimersByTimeAsync(999);
  expect(settled).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await answer).toMatchObject({ code: 'deadline_exceeded', retryable: true });
});
