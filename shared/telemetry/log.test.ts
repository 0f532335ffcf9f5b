import { afterEach, expect, test, vi } from 'vitest';
import { createLog, withLogSink } from './log.ts';

const sink = () => ({ warn: vi.fn(), error: vi.fn() });

afterEach(() => vi.restoreAllMocks());

test('warnings and errors within an invocation go to its context, with their severity', async () => {
  const [one, two] = [sink(), sink()];
  const log = createLog({ name: 'test' }).child({ service: 'drone' });
  await Promise.all([
    withLogSink(one, async () => {
      await Promise.resolve();
      log.warn({ hub: 'drone-events' }, 'dead letter');
      log.error('broken');
    }),
    withLogSink(two, async () => log.error({ token: 'secret' }, 'other')),
  ]);
  expect(JSON.parse(one.warn.mock.calls[0]?.[0] as string)).toMatchObject({
    level: 40,
    service: 'drone',
    hub: 'drone-events',
    msg: 'dead letter',
  });
  expect(one.error.mock.calls.map(([line]) => JSON.parse(line as string).msg)).toEqual(['broken']);
  expect(JSON.parse(two.error.mock.calls[0]?.[0] as string)).toMatchObject({
    msg: 'other',
    token: '[Redacted]',
  });
  expect(two.warn).not.toHaveBeenCalled();
});

test('information stays on stdout, as does everything outside an invocation', () => {
  const one = sink();
  const log = createLog({ name: 'test', level: 'warn' });
  withLogSink(one, () => log.info('quiet'));
  log.warn('outside of an invocation');
  expect([...one.warn.mock.calls, ...one.error.mock.calls]).toEqual([]);
});
