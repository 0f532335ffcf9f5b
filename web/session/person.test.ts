import { expect, test } from 'vitest';
import { personOf } from './person.ts';

test('a person is who the ID token says', () => {
  expect(personOf({ sub: 'alice', name: 'Alice', account: 'contoso', roles: ['customer'] })).toEqual({
    id: 'alice',
    name: 'Alice',
    accountId: 'contoso',
    isOperator: false,
  });
  expect(personOf({ sub: 'o', roles: ['operator', 'customer'] }).isOperator).toBe(true);
});

test('claims that are missing or of another type do no harm', () => {
  expect(personOf({ sub: 'x' })).toEqual({ id: 'x', name: 'x', accountId: undefined, isOperator: false });
  expect(personOf({ sub: 'x', name: 7, account: {}, roles: 'operator' })).toMatchObject({
    name: 'x',
    accountId: undefined,
    isOperator: false,
  });
});
