import { describe, expect, test } from 'vitest';
import { AppError, CODES, type ErrorCode, toAppError, toProblem } from './errors.ts';

const codes = Object.keys(CODES) as ErrorCode[];

test('a call may be repeated after a server’s error or a limit, and after no other refusal', () => {
  for (const code of codes) {
    const { status, retryable } = new AppError(code, 'text');
    expect([code, retryable]).toEqual([code, status >= 500 || status === 429]);
  }
});

describe('an error that was not foreseen', () => {
  test.each([
    new Error('connect ECONNREFUSED 10.0.0.4:443, key AccountKey=c2VjcmV0'),
    'a text with AccountKey=c2VjcmV0',
    { secret: 'c2VjcmV0' },
    undefined,
  ])('is internal, and nothing of it is in the answer: %o', (thrown) => {
    const error = toAppError(thrown);
    expect(error).toMatchObject({ code: 'internal', message: 'something went wrong on our side' });
    expect(error.cause).toBe(thrown);
    const problem = JSON.stringify(toProblem(error));
    for (const inner of ['c2VjcmV0', 'ECONNREFUSED', 'stack']) expect(problem).not.toContain(inner);
  });

  test('one of ours stays what it is', () => {
    const error = new AppError('conflict', 'text');
    expect(toAppError(error)).toBe(error);
  });
});

test('a problem has its code, its text, the fields and facts, and not the cause', () => {
  const errors = [{ path: 'body.weight', message: 'is too large' }];
  const error = new AppError('over_quota', 'the quota is 3', {
    errors,
    facts: { quota: 3 },
    cause: new Error('inner'),
    headers: { allow: 'GET' },
  });
  expect(toProblem(error)).toEqual({
    type: 'urn:fabrikam:problem:over_quota',
    title: 'over quota',
    status: 403,
    code: 'over_quota',
    detail: 'the quota is 3',
    errors,
    quota: 3,
  });
  expect(toProblem(new AppError('not_found', 'text'))).not.toHaveProperty('errors');
});
