import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../shared/auth/principal.ts';
import { checkMaker, checkSameId, merged, packageView, restored, written } from './domain.ts';
import type { PackageDocument } from './schemas.ts';

const NOW = new Date('2026-11-23T12:00:00.000Z');
const LATER = new Date('2026-11-24T12:00:00.000Z');
const sizes = fc.constantFrom('Small' as const, 'Medium' as const, 'Large' as const);
const weights = fc.double({ min: 0.001, max: 1000, noNaN: true });
const bodies = fc.record(
  { size: sizes, weight: weights, tag: fc.string({ maxLength: 20 }) },
  {
    requiredKeys: ['size', 'weight'],
  },
);
const write = (
  body: { size: 'Small' | 'Medium' | 'Large'; weight: number; tag?: string },
  madeBy?: string,
) => ({
  packageId: 'p1',
  accountId: 'contoso',
  body,
  madeBy,
});

describe('a caller', () => {
  const principal = (role: Principal['roles'][number]): Principal => ({ subject: 'x', roles: [role] });
  test('claims in the name of a delivery as a service only', () => {
    expect(() => checkMaker(principal('customer'), undefined)).not.toThrow();
    expect(() => checkMaker(principal('service'), 'd1')).not.toThrow();
    for (const role of ['customer', 'account-admin', 'operator'] as const) {
      expect(() => checkMaker(principal(role), 'd1')).toThrow(
        expect.objectContaining({ code: 'forbidden', message: 'madeBy is for services' }),
      );
    }
  });

  test('names no other id in the body than in the path', () => {
    expect(() => checkSameId('p1', undefined)).not.toThrow();
    expect(() => checkSameId('p1', 'p1')).not.toThrow();
    expect(() => checkSameId('p1', 'p2')).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: 'body.id: must be the id in the path',
        options: { errors: [{ path: 'body.id', message: 'must be the id in the path' }] },
      }),
    );
  });
});

describe('a write', () => {
  test('stores the body as it is, and keeps the time of the creation', () => {
    fc.assert(
      fc.property(bodies, bodies, (first, second) => {
        const one = written(write(first), undefined, NOW);
        expect(one).toStrictEqual({
          id: 'p1',
          type: 'package',
          accountId: 'contoso',
          ...first,
          createdAt: NOW.toISOString(),
        });
        expect(written(write(second), one, LATER)).toEqual({ ...one, tag: undefined, ...second });
        expect(packageView(one)).toStrictEqual({ id: 'p1', ...first });
      }),
    );
  });

  test('of a workflow claims the package, and a repetition remembers the first state', () => {
    const claimed = written(write({ size: 'Small', weight: 1 }, 'd1'), undefined, NOW);
    expect(claimed.claim).toEqual({ deliveryId: 'd1', before: null });
    const again = written(write({ size: 'Large', weight: 2 }, 'd1'), claimed, LATER);
    expect(again.claim).toEqual({ deliveryId: 'd1', before: null });
    // The next delivery finds the package of the one before.
    const next = written(write({ size: 'Medium', weight: 3 }, 'd2'), again, LATER);
    expect(next.claim).toStrictEqual({ deliveryId: 'd2', before: { size: 'Large', weight: 2 } });
    // A customer's write ends the claim.
    expect(written(write({ size: 'Small', weight: 1 }), next, LATER)).not.toHaveProperty('claim');
  });
});

test('P2 compensation leaves what was there before the workflow', () => {
  fc.assert(
    fc.property(
      fc.option(bodies, { nil: undefined }),
      fc.array(bodies, { minLength: 1 }),
      (before, writes) => {
        const original = before && written(write(before), undefined, NOW);
        let known = original;
        for (const body of writes) known = written(write(body, 'd1'), known, LATER);
        expect(restored(known as PackageDocument)).toEqual(original);
      },
    ),
  );
});

test('compensation without a claim finds nothing to restore', () => {
  expect(restored(written(write({ size: 'Small', weight: 1 }), undefined, NOW))).toBeUndefined();
});

describe('a patch (RFC 7396)', () => {
  const known = written(write({ size: 'Small', weight: 1, tag: 'fragile' }, 'd1'), undefined, NOW);
  const { claim: _claim, ...rest } = known;

  test('changes the fields that it names, and ends the claim', () => {
    expect(merged(known, {})).toStrictEqual(rest);
    expect(merged(known, { size: 'Large' })).toStrictEqual({ ...rest, size: 'Large' });
    expect(merged(known, { weight: 2 })).toStrictEqual({ ...rest, weight: 2 });
    expect(merged(known, { tag: 'heavy' })).toStrictEqual({ ...rest, tag: 'heavy' });
  });

  test('removes a tag by null, and adds one', () => {
    const { tag: _tag, ...untagged } = rest;
    expect(merged(known, { tag: null })).toStrictEqual(untagged);
    expect(merged(untagged, {})).toStrictEqual(untagged);
    expect(merged(untagged, { tag: '' })).toStrictEqual({ ...untagged, tag: '' });
  });
});
