import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const PEM = { key: '-----BEGIN PRIVATE KEY-----', cert: '-----BEGIN CERTIFICATE-----' };
const LEAST = { tls: PEM, issuer: 'http://127.0.0.1:8090', roles: {} };

test('a whole configuration is read as it is', () => {
  const config = {
    tls: { ...PEM, port: 10_003 },
    queuePort: 10_004,
    tablePort: 10_005,
    issuer: 'http://127.0.0.1:8090',
    audience: 'api://storage',
    roles: { app: { '*': ['blobOwner', 'queueContributor'], proofs: 'blobReader' } },
  };
  expect(readConfig(JSON.stringify(config))).toEqual({
    tls: PEM,
    ports: { blob: 10_003, queue: 10_004, table: 10_005 },
    issuer: config.issuer,
    audience: config.audience,
    roles: config.roles,
  });
  expect(readConfig(JSON.stringify(LEAST))).toEqual({ ...LEAST, ports: { blob: 0, queue: 0, table: 0 } });
});

test.each<[object, RegExp]>([
  [{ ports: 1 }, /unknown part: ports/],
  [{ tls: undefined }, /tls .* cert/],
  [{ tls: { ...PEM, port: 70_000 } }, /tls/],
  [{ queuePort: 'x' }, /queuePort .* a port/],
  [{ issuer: 'nowhere' }, /issuer .* address/],
  [{ audience: '' }, /audience/],
  [{ roles: undefined }, /roles/],
  [{ roles: { app: { '*': 'owner' } } }, /roles/],
  [{ roles: { app: { '*': ['blobReader', 'toString'] } } }, /roles/],
])('%j is refused with what is wrong', (change, message) => {
  expect(() => readConfig(JSON.stringify({ ...LEAST, ...change }))).toThrow(message);
});
