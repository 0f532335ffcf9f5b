import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../shared/auth/principal.ts';
import { Id } from '../../shared/contracts/common.ts';
import {
  accountView,
  changedAccount,
  checkAdmin,
  checkMayShip,
  checkOwn,
  userDocumentId,
  userView,
} from './domain.ts';
import type { AccountDocument, UserDocument } from './schemas.ts';

const AT = '2026-11-23T12:00:00.000Z';
const account = (change: Partial<AccountDocument> = {}): AccountDocument => ({
  id: 'account',
  type: 'account',
  accountId: 'contoso',
  name: 'Contoso',
  quota: 3,
  status: 'active',
  held: 0,
  settled: { '2026-10': 4 },
  createdAt: AT,
  ...change,
});
const user = (change: Partial<UserDocument> = {}): UserDocument => ({
  id: 'user-ann',
  type: 'user',
  accountId: 'contoso',
  userId: 'ann',
  name: 'Ann',
  role: 'account-admin',
  ...change,
});
const ann: Principal = { subject: 'ann', roles: ['account-admin'], accountId: 'contoso' };
const operator: Principal = { subject: 'olga', roles: ['operator'] };
const by = { by: 'olga', at: AT, reason: undefined };

describe('the id of a user’s document', () => {
  test('is readable for a user id that a document id may hold', () => {
    expect(userDocumentId('ann')).toBe('user-ann');
  });

  test('is a valid document id for every user id, and no two users share one', () => {
    const userId = fc.oneof(fc.string({ minLength: 1, maxLength: 255 }), fc.stringMatching(/^[a-z~-]{1,9}$/));
    fc.assert(
      fc.property(userId, userId, (one, other) => {
        expect(userDocumentId(one)).toMatch(/^user-~?[A-Za-z0-9._~-]+$/);
        expect(userDocumentId(one) === userDocumentId(other)).toBe(one === other);
      }),
    );
    expect(userDocumentId('a/b')).toMatch(/^user-~[A-Za-z0-9_-]{43}$/);
    expect(Id.safeParse(userDocumentId('x'.repeat(255))).success).toBe(true);
  });
});

describe('administration', () => {
  test('of another account: there is no such account', () => {
    const stranger = { ...ann, accountId: 'fabrikam' };
    const refusal = { code: 'not_found', message: 'there is no such account' };
    expect(() => checkOwn(stranger, 'contoso')).toThrow(expect.objectContaining(refusal));
    expect(() => checkAdmin(stranger, 'contoso', user())).toThrow(expect.objectContaining(refusal));
  });

  test.each<[string, Principal, UserDocument | undefined]>([
    ['an administrator on the list', ann, user()],
    ['a caller who is not on the list yet, by the token', ann, undefined],
    ['an operator, even if removed from the list', operator, user({ role: 'customer', removedAt: AT })],
  ])('is open to %s', (_, principal, listed) => {
    expect(() => checkAdmin(principal, 'contoso', listed)).not.toThrow();
  });

  test.each([
    ['demoted', user({ role: 'customer' })],
    ['removed', user({ removedAt: AT })],
  ])('is closed at once to a user who was %s, even with a valid token', (_, listed) => {
    expect(() => checkAdmin(ann, 'contoso', listed)).toThrow(
      expect.objectContaining({
        code: 'forbidden',
        message: 'you are no longer an administrator of this account',
      }),
    );
  });
});

describe('shipping', () => {
  const refusal = (...args: Parameters<typeof checkMayShip>) => {
    try {
      checkMayShip(...args);
      return undefined;
    } catch (error) {
      return error;
    }
  };

  test('is refused for the first reason that holds', () => {
    const full = account({ held: 3 });
    const unknown = { code: 'account_unknown', message: 'there is no such account' };
    expect(refusal(undefined, undefined)).toMatchObject(unknown);
    const stranger = { code: 'account_unknown', message: 'the user does not belong to this account' };
    expect(refusal({ ...full, status: 'suspended' }, undefined)).toMatchObject(stranger);
    expect(refusal(full, user({ removedAt: AT }))).toMatchObject(stranger);
    expect(refusal({ ...full, status: 'suspended' }, user())).toMatchObject({
      code: 'account_suspended',
      message: 'the account is suspended',
    });
    expect(refusal(full, user())).toMatchObject({
      code: 'over_quota',
      message: '3 deliveries are under way, the quota is 3',
      options: { facts: { held: 3, quota: 3 } },
    });
  });

  test('is allowed exactly while fewer deliveries are under way than the quota', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 20 }), (held, quota) => {
        expect(refusal(account({ held, quota }), user()) === undefined).toBe(held < quota);
      }),
    );
  });
});

describe('a change of an account', () => {
  test('that changes nothing is none', () => {
    const known = account();
    expect(changedAccount(known, {}, by)).toBeUndefined();
    expect(changedAccount(known, { name: 'Contoso', quota: 3, status: 'active' }, by)).toBeUndefined();
    expect(
      changedAccount(known, { name: undefined } as unknown as Partial<AccountDocument>, by),
    ).toBeUndefined();
  });

  test('keeps the other fields, and its audit names the changed ones only, before and after', () => {
    expect(changedAccount(account(), { name: 'Contoso', quota: 9 }, { ...by, reason: 'growth' })).toEqual({
      ...account(),
      quota: 9,
      audit: [
        {
          by: 'olga',
          at: AT,
          action: 'changed',
          reason: 'growth',
          before: { quota: 3 },
          after: { quota: 9 },
        },
      ],
    });
  });

  test.each([
    ['suspended', 'active', 'suspended'],
    ['active', 'suspended', 'reactivated'],
  ] as const)('to %s is its own action', (status, from, action) => {
    const changed = changedAccount(account({ status: from }), { status }, by);
    expect(changed?.status).toBe(status);
    expect(changed?.audit).toEqual([
      { by: 'olga', at: AT, action, before: { status: from }, after: { status } },
    ]);
  });

  test('is added to the audit, which keeps the latest 100', () => {
    let known = account();
    for (let quota = 4; quota < 124; quota += 1) known = changedAccount(known, { quota }, by) ?? known;
    expect(known.audit).toHaveLength(100);
    expect(known.audit?.map(({ after }) => after['quota'])).toEqual(
      Array.from({ length: 100 }, (_, n) => 24 + n),
    );
  });
});

describe('views', () => {
  const audit = [{ by: 'olga', at: AT, action: 'registered' as const, before: {}, after: {} }];
  const visible = {
    id: 'contoso',
    name: 'Contoso',
    quota: 3,
    status: 'active',
    held: 0,
    settled: { '2026-10': 4 },
    createdAt: AT,
  };

  test('an account shows its audit to operators only', () => {
    expect(accountView(account({ audit }), operator)).toEqual({ ...visible, audit });
    expect(accountView(account(), operator)).toEqual(visible);
    expect(accountView(account({ audit }), ann)).toEqual(visible);
    expect(accountView(account({ audit }))).toEqual(visible);
  });

  test('a user shows name, role, and the e-mail address where there is one', () => {
    expect(userView(user({ removedAt: AT }))).toEqual({ id: 'ann', name: 'Ann', role: 'account-admin' });
    expect(userView(user({ email: 'ann@contoso.example' }))).toMatchObject({ email: 'ann@contoso.example' });
  });
});
