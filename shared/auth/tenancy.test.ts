import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasRole, type Principal, ROLES, type Role } from './principal.ts';
import { checkNamedOwner, checkReach, mayReach, ownAccount, reachesAll } from './tenancy.ts';

const accounts = fc.constantFrom('contoso', 'fabrikam', 'northwind');
const principals = fc
  .record(
    { subject: fc.constant('ann'), roles: fc.subarray([...ROLES]), accountId: accounts },
    { requiredKeys: ['subject', 'roles'] },
  )
  .map((each): Principal => each);
const of = (roles: readonly Role[], accountId?: string): Principal => ({
  subject: 'ann',
  roles,
  ...(accountId === undefined ? {} : { accountId }),
});

test('a caller has a role when one of the roles is the caller’s', () => {
  fc.assert(
    fc.property(fc.subarray([...ROLES]), fc.subarray([...ROLES]), (own, asked) => {
      const common = asked.filter((role) => own.includes(role));
      expect(hasRole(of(own), ...asked)).toBe(common.length > 0);
    }),
  );
});

describe('T2', () => {
  test('an operator reaches every account', () => {
    fc.assert(
      fc.property(principals, accounts, (each, account) => {
        expect(mayReach({ ...each, roles: [...each.roles, 'operator'] }, account)).toBe(true);
      }),
    );
  });

  test('a service reaches the account that it acts for, or all when it acts for none', () => {
    expect(reachesAll(of(['service']))).toBe(true);
    expect(mayReach(of(['service']), 'contoso')).toBe(true);
    expect(reachesAll(of(['service'], 'contoso'))).toBe(false);
    expect(mayReach(of(['service'], 'contoso'), 'contoso')).toBe(true);
    expect(mayReach(of(['service'], 'contoso'), 'fabrikam')).toBe(false);
  });

  test('every other caller reaches the account of the token only, and none without one', () => {
    const roles = fc.subarray(['customer', 'account-admin', 'drone', 'carrier'] as const);
    fc.assert(
      fc.property(roles, fc.option(accounts, { nil: undefined }), accounts, (own, accountId, account) => {
        const principal = of(own, accountId);
        expect(reachesAll(principal)).toBe(false);
        expect(mayReach(principal, account)).toBe(accountId === account);
      }),
    );
  });
});

test('T1 another account’s data is answered like data that does not exist', () => {
  fc.assert(
    fc.property(principals, accounts, (principal, account) => {
      const check = () => checkReach(principal, account, 'there is no such package');
      if (mayReach(principal, account)) expect(check).not.toThrow();
      else
        expect(check).toThrow(
          expect.objectContaining({ code: 'not_found', status: 404, message: 'there is no such package' }),
        );
    }),
  );
});

test('T3 a body that names another account as the owner is forbidden, by its field', () => {
  const check = (principal: Principal) => () => checkNamedOwner(principal, 'contoso', 'body.owner.accountId');
  expect(check(of(['customer'], 'contoso'))).not.toThrow();
  expect(check(of(['operator']))).not.toThrow();
  expect(check(of(['customer'], 'fabrikam'))).toThrow(
    expect.objectContaining({
      code: 'forbidden',
      message: 'body.owner.accountId: is not your account',
      options: { errors: [{ path: 'body.owner.accountId', message: 'is not your account' }] },
    }),
  );
});

describe('the account of a caller', () => {
  test('is the one of the token, or the one that a service acts for', () => {
    expect(ownAccount(of(['customer'], 'contoso'))).toBe('contoso');
    expect(ownAccount(of(['service'], 'contoso'))).toBe('contoso');
  });

  test.each([
    [['service'], /x-account-id/],
    [['operator'], /x-account-id/],
    [['customer'], /ask your administrator/],
    [['account-admin'], /ask your administrator/],
  ] as [Role[], RegExp][])('that has none: %j is told what to do', (roles, message) => {
    expect(() => ownAccount(of(roles))).toThrow(
      expect.objectContaining({ code: 'account_unknown', message: expect.stringMatching(message) }),
    );
  });
});
