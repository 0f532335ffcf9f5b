import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createReadiness } from './readiness.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('H1: one probe at a time', () => {
  test('200 askers at once cost one probe, and all hear its answer', async () => {
    const probe = vi.fn(async () => 'there');
    const ask = createReadiness({ cosmos: probe }, Date.now);
    const answers = await Promise.all(Array.from({ length: 200 }, ask));
    expect(probe).toHaveBeenCalledTimes(1);
    expect(answers).toEqual(answers.map(() => ({ ready: true, cosmos: 'ok' })));
  });

  test('the answer is kept for a second after the probe ended, not longer', async () => {
    const probe = vi.fn(async () => 'there');
    const ask = createReadiness({ cosmos: probe }, Date.now);
    await ask();
    await vi.advanceTimersByTimeAsync(999);
    await ask();
    expect(probe).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    await ask();
    expect(probe).toHaveBeenCalledTimes(2);
  });
});

describe('H2: a dependency that fails or is late is unavailable', () => {
  test('beside others that are there; and it is seen when it comes back', async () => {
    const broken = vi.fn(async () => Promise.reject(new Error('down')));
    const ask = createReadiness({ cosmos: async () => 1, storage: broken }, Date.now);
    await expect(ask()).resolves.toEqual({ ready: false, cosmos: 'ok', storage: 'unavailable' });
    broken.mockImplementation(async () => undefined as never);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(ask()).resolves.toEqual({ ready: true, cosmos: 'ok', storage: 'ok' });
  });

  test('that throws at once, or never answers', async () => {
    const thrown = () => {
      throw new Error('no client');
    };
    const ask = createReadiness({ thrown, silent: () => new Promise(() => undefined) }, Date.now);
    const answer = ask();
    await vi.advanceTimersByTimeAsync(1_500);
    await expect(answer).resolves.toEqual({ ready: false, thrown: 'unavailable', silent: 'unavailable' });
  });
});
