import { describe, expect, test } from 'vitest';
import type { Principal, Role } from '../../shared/auth/principal.ts';
import { droneOf } from './access.ts';

describe('a drone’s socket', () => {
  const principal = (roles: readonly Role[], droneId?: string): Principal => ({
    subject: 'x',
    roles: [...roles],
    ...(droneId ? { droneId } : {}),
  });

  test('is for a token with the role and the id of a drone', () => {
    expect(droneOf(principal(['drone'], 'drone-1'))).toBe('drone-1');
  });

  test.each([
    ['an id without a role', principal([], 'drone-1')],
    ['an id with the role of a customer', principal(['customer'], 'drone-1')],
    ['an id with the roles of staff', principal(['operator', 'service'], 'drone-1')],
    ['the role without an id', principal(['drone'])],
  ])('is not for %s', (_, caller) => {
    expect(() => droneOf(caller)).toThrow('this is for drones only');
  });
});
