import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIdentity } from 'azure-local/identity';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUBJECTS } from '../../tests/harness/subjects.ts';
import { startTokenIssuer, type TokenIssuer } from '../../tests/harness/tokens.ts';
import { createVerifier } from './verifier.ts';

let issuer: TokenIssuer;
beforeAll(async () => {
  issuer = await startTokenIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());

const verified = async (claims: Record<string, unknown>) => issuer.verify(await issuer.token(claims));

describe('a subject', () => {
  test.each(SUBJECTS)('of an identity provider is taken as it is: %s', async (sub) => {
    expect(await verified({ sub, roles: ['customer'] })).toMatchObject({ subject: sub });
  });

  test.each([
    ['256 characters', 'x'.repeat(256)],
    ['a control character', 'ali\u0000ce'],
    ['half a surrogate pair', 'ali\ud800ce'],
    ['nothing', ''],
    ['a number', 7],
    ['an object', { length: { toString: 0, valueOf: 0 } }],
  ])('that no document could hold is refused: %s', async (_, sub) => {
    await expect(verified({ sub, roles: ['customer'] })).rejects.toMatchObject({ code: 'token_invalid' });
  });
});

test.each(['account', 'drone', 'carrier'])('a claim %s that is no id is refused, and named', async (name) => {
  for (const value of ['con toso/../tailwind', '../x', '-x', 'x'.repeat(101), 7, ['contoso']]) {
    await expect(verified({ sub: 'alice', [name]: value })).rejects.toMatchObject({
      code: 'token_invalid',
      message: expect.stringContaining(name),
    });
  }
});

test('roles that we do not know are dropped, and other shapes are no roles', async () => {
  expect((await verified({ sub: 'a', roles: ['customer', 'root', 7, null] })).roles).toEqual(['customer']);
  expect((await verified({ sub: 'a', roles: 'operator' })).roles).toEqual([]);
});

describe('a token of the right key is refused', () => {
  const now = Math.floor(Date.now() / 1000);
  test.each([
    ['of another issuer', { iss: 'https://login.example/other-tenant' }, 'issuer_unknown'],
    ['for another audience', { aud: 'api://other' }, 'token_invalid'],
    ['that has expired', { exp: now - 60 }, 'token_expired'],
    ['that is not valid yet', { nbf: now + 60 }, 'token_invalid'],
    ['without an end', { exp: undefined }, 'token_invalid'],
    ['without a subject', { sub: undefined }, 'token_invalid'],
  ])('%s', async (_, claims, code) => {
    await expect(verified({ sub: 'alice', ...claims })).rejects.toMatchObject({ code });
  });
});

test('a token of another key, of none, or signed with the published key as a secret is refused', async () => {
  const claims = { sub: 'alice', roles: ['operator'] };
  const tokens = [
    await issuer.foreignToken(claims),
    issuer.unsignedToken(claims),
    issuer.confusedToken(claims),
  ];
  for (const token of tokens)
    await expect(issuer.verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
});

test('a token of the local issuer is read as its principal', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'verifier-'));
  const resources = ['api://drone-delivery', 'https://eventhubs.azure.net/'];
  const principals = [
    { id: 'alice', name: 'Alice <of> "Acme"', roles: ['customer'], accountId: 'acme' },
    { id: 'drone-1', name: 'Drone 1', roles: ['drone'], droneId: 'drone-1' },
  ];
  try {
    await using local = await startIdentity({ port: 0, dataDir, principals, clients: [], resources });
    const verify = createVerifier({ issuer: local.issuer, audience: 'api://drone-delivery' });
    expect(await verify(await local.tokenFor('alice'))).toEqual({
      subject: 'alice',
      name: 'Alice <of> "Acme"',
      roles: ['customer'],
      accountId: 'acme',
    });
    expect(await verify(await local.tokenFor('drone-1'))).toMatchObject({ droneId: 'drone-1' });
    for (const [options, code] of [
      [{ ttl: -60 }, 'token_expired'],
      [{ audience: 'https://eventhubs.azure.net/' }, 'token_invalid'],
    ] as const) {
      await expect(verify(await local.tokenFor('alice', options))).rejects.toMatchObject({ code });
    }
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
