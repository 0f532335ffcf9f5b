import { expect, test } from 'vitest';
import { clientSecret } from '../shared/auth/client-secret.ts';
import { clients, principals } from './demo.ts';

test('each machine client has a secret of its own, which the key gives', () => {
  const machines = clients(3, 'the key', 'http://localhost:1').filter(({ secret }) => secret !== undefined);
  expect(machines.map(({ id }) => id)).toEqual(['simulator', 'carrier-1', 'drone-1', 'drone-2', 'drone-3']);
  expect(new Set(machines.map(({ secret }) => secret)).size).toBe(machines.length);
  for (const { id, secret } of machines) expect(secret).toBe(clientSecret('the key', id));
  const operators = principals(3).filter(({ roles }) => roles.includes('operator'));
  expect(operators.map(({ id }) => id)).toEqual(['olivia', 'simulator']);
});

test('another key gives other secrets', () => {
  expect(clientSecret('a', 'drone-1')).not.toBe(clientSecret('b', 'drone-1'));
});
