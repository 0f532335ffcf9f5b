import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IdentityServer, startIdentity } from 'azure-local/identity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVerifier, type VerifyToken } from './verifier.ts';

const AUDIENCE = 'api://drone-delivery';
const OTHER_AUDIENCE = 'https://eventhubs.azure.net/';

let root: string;
let issuer: IdentityServer;
let verify: VerifyToken;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'verifier-'));
  issuer = await startIdentity({
    port: 0,
    dataDir: root,
    principals: [
      { id: 'alice', name: 'Alice <of> "Acme"', roles: ['customer'], accountId: 'acme' },
      { id: 'drone-1', name: 'Drone 1', roles: ['drone'], droneId: 'drone-1' },
    ],
    clients: [],
    resources: [AUDIENCE, OTHER_AUDIENCE],
  });
  verify = createVerifier({ issuer: issuer.issuer, audience: AUDIENCE });
});

afterAll(async () => {
  await issuer.close();
  await rm(root, { recursive: true });
});

test('a token of the issuer is read as its principal', async () => {
  expect(await verify(await issuer.tokenFor('alice'))).toEqual({
    subject: 'alice',
    name: 'Alice <of> "Acme"',
    roles: ['customer'],
    accountId: 'acme',
  });
  expect(await verify(await issuer.tokenFor('drone-1'))).toMatchObject({
    roles: ['drone'],
    droneId: 'drone-1',
  });
});

test('an expired token and one for another audience are refused, each with its code', async () => {
  await expect(verify(await issuer.tokenFor('alice', { ttl: -60 }))).rejects.toMatchObject({
    code: 'token_expired',
  });
  await expect(verify(await issuer.tokenFor('alice', { audience: OTHER_AUDIENCE }))).rejects.toMatchObject({
    code: 'token_invalid',
  });
});
