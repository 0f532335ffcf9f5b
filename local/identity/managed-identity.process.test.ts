/** In a process of its own: @azure/identity remembers the first endpoint that a process gives it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManagedIdentityCredential } from '@azure/identity';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, expect, test, vi } from 'vitest';
import { startIdentity } from './server.ts';

const EVENT_HUBS = 'https://eventhubs.azure.net/';
const dataDir = mkdtempSync(join(tmpdir(), 'managed-identity-'));
const server = await startIdentity({
  port: 0,
  dataDir,
  principals: [{ id: 'scheduler', name: 'Scheduler', roles: ['service'] }],
  clients: [],
  resources: [EVENT_HUBS],
  managedIdentity: { header: 'header-secret', defaultPrincipalId: 'scheduler' },
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  rmSync(dataDir, { recursive: true });
});

test('@azure/identity gets a token by client id', async () => {
  vi.stubEnv('IDENTITY_ENDPOINT', server.managedIdentityEndpoint);
  vi.stubEnv('IDENTITY_HEADER', 'header-secret');
  const credential = new ManagedIdentityCredential({ clientId: 'scheduler' });
  const { token } = await credential.getToken(`${EVENT_HUBS}.default`);
  const keys = createRemoteJWKSet(new URL(`${server.issuer}/jwks`));
  const { payload } = await jwtVerify(token, keys, { issuer: server.issuer, audience: EVENT_HUBS });
  expect(payload).toMatchObject({ sub: 'scheduler', roles: ['service'], aud: EVENT_HUBS });
});
