import { describe, expect, test, vi } from 'vitest';
import { AppError, toAppError, toProblem } from '../errors.ts';
import { fromCosmos } from './errors.ts';
import { checkIfMatch, unlessConflict, WriteConflict, withOptimisticRetry } from './write-conflict.ts';

const conflict = () => new WriteConflict('changed');

/** Rejects `times` times with a conflict, then answers. */
const slower = (times: number) => {
  const work = vi.fn(async () => 'done');
  for (let i = 0; i < times; i++) work.mockRejectedValueOnce(conflict());
  return work;
};

describe('K1: the store says that a write came too late', () => {
  test.each([
    [409, 'exists'],
    [412, 'changed'],
  ])('%i of Cosmos DB is a conflict: %s', (code, kind) => {
    expect(fromCosmos({ code })).toMatchObject({ name: 'WriteConflict', conflict: kind });
  });

  test('the work runs again until it succeeds', async () => {
    const work = slower(19);
    await expect(withOptimisticRetry(work)).resolves.toBe('done');
    expect(work).toHaveBeenCalledTimes(20);
  });

  test('any other error is passed on at once', async () => {
    const work = vi.fn(async () => Promise.reject(new AppError('not_found', 'none')));
    await expect(withOptimisticRetry(work)).rejects.toMatchObject({ code: 'not_found' });
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('a write that may be late answers undefined, for the kind of conflict that is meant', async () => {
    const write = async () => Promise.reject(new WriteConflict('exists'));
    await expect(unlessConflict(write)).resolves.toBeUndefined();
    await expect(unlessConflict(write, 'exists')).resolves.toBeUndefined();
    await expect(unlessConflict(write, 'changed')).rejects.toBeInstanceOf(WriteConflict);
    await expect(unlessConflict(async () => 1)).resolves.toBe(1);
    await expect(unlessConflict(async () => Promise.reject(new Error('other')))).rejects.toThrow('other');
  });
});

describe('K2: a conflict that no loop has caught is a busy server, not a fault of the client', () => {
  test('after 20 conflicts', async () => {
    const work = slower(20);
    const error = await withOptimisticRetry(work).catch(toAppError);
    expect(work).toHaveBeenCalledTimes(20);
    expect(error).toMatchObject({ status: 503, retryable: true, options: { retryAfterSeconds: 1 } });
    expect(toProblem(error as AppError).code).toBe('dependency_unavailable');
  });
});

describe('K3: 412 is for the client that sent If-Match', () => {
  test('a conflict is final then', async () => {
    const work = slower(1);
    await expect(withOptimisticRetry(work, '"1"')).rejects.toMatchObject({
      code: 'etag_mismatch',
      status: 412,
    });
    expect(work).toHaveBeenCalledTimes(1);
  });

  test.each([
    [undefined, undefined, true],
    [undefined, '"1"', true],
    ['"1"', '"1"', true],
    ['*', '"1"', true],
    ['*', undefined, false],
    ['"1"', '"2"', false],
    ['"1"', undefined, false],
  ])('If-Match %s on the tag %s: %s', (ifMatch, etag, holds) => {
    const check = () => checkIfMatch(ifMatch, etag);
    if (holds) expect(check).not.toThrow();
    else expect(check).toThrow(AppError);
  });
});
