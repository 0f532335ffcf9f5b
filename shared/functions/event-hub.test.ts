import type { InvocationContext } from '@azure/functions';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import { consumeBatch } from './event-hub.ts';
import { type RawMessage, sequenceNumberOf } from './raw-messages.ts';
import type { ServiceDeps } from './service.ts';

const Message = z.object({ key: z.string(), n: z.number(), ends: z.enum(['ok', 'retryable', 'terminal']) });
type Message = z.output<typeof Message>;
type Ending = Message['ends'] | 'unparsable' | 'wrong shape';

const MISSING = { deliveryId: 'd1' };

/** A batch of `key:ending` words, handled by a fake service; `letters` are the sequence numbers of dead letters. */
async function run(words: string, supervisor: () => Promise<unknown> = async () => ({ status: 202 })) {
  const handled: string[] = [];
  const letters: {
    sequenceNumber: number;
    reason: string;
    step: string;
    payload: string;
    encoding: string;
  }[] = [];
  const call = vi.fn(async (_route: unknown, { body }: { body: (typeof letters)[number] }) => {
    await supervisor();
    letters.push(body);
  });
  const running = new Map<string, number>();
  let together = 0;
  const handle = async ({ message: { key, n, ends } }: { message: Message }) => {
    running.set(key, (running.get(key) ?? 0) + 1);
    expect(running.get(key)).toBe(1);
    together = Math.max(
      together,
      [...running.values()].reduce((sum, one) => sum + one, 0),
    );
    await new Promise((resolve) => setImmediate(resolve));
    running.set(key, 0);
    handled.push(`${key}${n}`);
    if (ends === 'retryable') throw new AppError('dependency_unavailable', 'away');
    if (ends === 'terminal') throw new AppError('conflict', 'never');
  };
  const messages = words.split(' ').map((word, n) => rawMessage(word, n));
  const deps = { call, log: createLog({ name: 'test', level: 'silent' }) } as unknown as ServiceDeps;
  const spec = { service: 'drone', hub: 'drone-telemetry', schema: Message, keyOf, handle } as const;
  const batch = consumeBatch(messages, {} as InvocationContext, spec, deps);
  const error = await batch.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { handled, letters, together, error, numbers: letters.map(({ sequenceNumber }) => sequenceNumber) };
}

const keyOf = ({ key }: Message) => key;

function rawMessage(word: string, n: number): RawMessage {
  const [key, ends] = word.split(':') as [string, Ending];
  const body = ends === 'wrong shape' ? MISSING : { key, n, ends };
  const text = ends === 'unparsable' ? '{"key":' : JSON.stringify(body);
  return { bytes: new TextEncoder().encode(text), partition: '0', sequenceNumber: n, properties: {} };
}

describe('C1: what cannot be handled for good becomes a dead letter, and the rest goes on', () => {
  test.each([
    ['a:ok b:ok', ['a0', 'b1'], []],
    ['a:unparsable a:ok b:ok', ['a1', 'b2'], [0]],
    ['a:terminal a:ok b:ok', ['a0', 'b2', 'a1'], [0]],
    ['a:ok b:terminal b:unparsable a:ok', ['a0', 'b1', 'a3'], [2, 1]],
  ])('%s', async (words, handled, letters) => {
    const result = await run(words);
    expect(result.error).toBeUndefined();
    expect(result.handled.toSorted()).toEqual(handled.toSorted());
    expect(new Set(result.numbers)).toEqual(new Set(letters));
  });

  test('the letter says the reason, the step and the payload', async () => {
    const { letters } = await run('a:unparsable b:terminal');
    expect(letters).toMatchObject([
      {
        step: 'drone.parse',
        reason: expect.stringContaining('not JSON'),
        payload: '{"key":',
        encoding: 'text',
      },
      { step: 'drone.handle', reason: 'conflict: never' },
    ]);
  });
});

describe('C2: the batch comes again while a message is neither handled nor dead-lettered', () => {
  test('when its handling failed for the time being: no letter, and other keys go on', async () => {
    const { error, numbers, handled } = await run('a:retryable b:ok b:terminal');
    expect(error).toMatchObject({ code: 'dependency_unavailable' });
    expect(numbers).toEqual([2]);
    expect(handled).toContain('b1');
  });

  test.each(['a:unparsable', 'a:terminal'])('when no letter can be written: %s', async (words) => {
    const { error } = await run(words, async () =>
      Promise.reject(new AppError('dependency_unavailable', 'away')),
    );
    expect(error).toMatchObject({ code: 'dependency_unavailable' });
  });
});

describe('C3: messages of one key are handled in order', () => {
  test('and those of other keys at the same time', async () => {
    const { handled, together } = await run('a:ok a:ok b:ok a:ok b:ok');
    expect(handled.filter((one) => one.startsWith('a'))).toEqual(['a0', 'a1', 'a3']);
    expect(handled.filter((one) => one.startsWith('b'))).toEqual(['b2', 'b4']);
    expect(together).toBe(2);
  });

  test('nothing overtakes a message that has to come again', async () => {
    const { handled } = await run('a:retryable a:ok b:ok');
    expect(handled.toSorted()).toEqual(['a0', 'b2']);
  });
});

const NUMBERS: readonly (readonly [unknown, number])[] = [
  [7, 7],
  ['8', 8],
  [{ low: 9, high: 0, unsigned: false }, 9],
  [{ low: -1, high: 0 }, 0xffff_ffff],
  [{ low: 1, high: 2 }, 2 * 2 ** 32 + 1],
];
const UNKNOWN = [undefined, null, '', ' ', 'x', Number.NaN, -3, 1.5, {}, { low: '1' }, [], true];

test.each([...NUMBERS, ...UNKNOWN.map((odd) => [odd, -1] as const)])(
  'the sequence number %j is read as %i',
  (given, number) => {
    expect(sequenceNumberOf(given)).toBe(number);
  },
);
