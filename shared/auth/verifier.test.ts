import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIdentity } from 'azure-local/identity';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SUBJECTS } from '../../tests/harness/subjects.ts';
import { AUDIENCE, startTokenIssuer, type TokenIssuer } from '../../tests/harness/tokens.ts';
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

describe('a refusal says why', () => {
  const now = Math.floor(Date.now() / 1000);
  test.each([
    ['another issuer issued the token', { iss: 'https://login.example/other-tenant' }],
    ['the token has expired', { exp: now - 60 }],
    ["the token's claim aud is not valid", { aud: 'api://other' }],
    ["the token's claim nbf is not valid", { nbf: now + 60 }],
    ["the token's claim exp is not valid", { exp: undefined }],
  ])('%s', async (message, claims) => {
    await expect(verified({ sub: 'alice', ...claims })).rejects.toMatchObject({ message });
  });

  test.each(['', 'x', 'a.b.c', 'not.a.token.at.all'])('of %j, which is no token', async (text) => {
    await expect(issuer.verify(text)).rejects.toMatchObject({
      code: 'token_invalid',
      message: 'the token cannot be verified',
    });
  });

  test('of a token with a foreign key and another issuer: its bearer hears of the issuer', async () => {
    const token = await issuer.foreignToken({ sub: 'alice', iss: 'https://login.example/other-tenant' });
    await expect(issuer.verify(token)).rejects.toMatchObject({ code: 'issuer_unknown' });
  });

  test('of a subject that is absent or empty', async () => {
    await expect(verified({ sub: '' })).rejects.toMatchObject({ message: 'the token has no subject' });
    await expect(verified({ sub: 'a', account: 'no id' })).rejects.toMatchObject({
      message: expect.stringMatching(/^the token's claim account is not valid: /),
    });
  });
});

test('clocks may differ by 5 s', async () => {
  const at = (seconds: number) =>
    createVerifier({
      issuer: issuer.url,
      audience: AUDIENCE,
      now: () => new Date(Date.now() + seconds * 1000),
    });
  const token = await issuer.token({ sub: 'alice', exp: Math.floor(Date.now() / 1000) });
  await expect(at(3)(token)).resolves.toMatchObject({ subject: 'alice' });
  await expect(at(7)(token)).rejects.toMatchObject({ code: 'token_expired' });
});

test('names are display texts: kept up to 200 characters, other shapes are none', async () => {
  expect((await verified({ sub: 'a', name: 'n'.repeat(201) })).name).toBe('n'.repeat(200));
  for (const name of ['', 7, ['x'], undefined]) {
    expect(await verified({ sub: 'a', name })).toStrictEqual({ subject: 'a', roles: [] });
  }
});

test('an empty claim counts as absent', async () => {
  for (const empty of ['', null, undefined]) {
    const claims = { sub: 'a', account: empty, drone: empty, carrier: empty };
    expect(await verified(claims)).toStrictEqual({ subject: 'a', roles: [] });
  }
  expect(await verified({ sub: 'a', account: 'acme', drone: 'd1', carrier: 'c1' })).toStrictEqual({
    subject: 'a',
    roles: [],
    accountId: 'acme',
    droneId: 'd1',
    carrierId: 'c1',
  });
});

describe('the way to the issuer', () => {
  type Answer = (request: IncomingMessage, response: ServerResponse) => void;
  const json =
    (body: unknown, status = 200): Answer =>
    (_, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  /** An issuer with its own discovery document and the keys of `issuer`; a test changes its answers. */
  async function startProvider(): Promise<
    AsyncDisposable & { url: string; answers: Map<string, Answer>; asked: string[] }
  > {
    const asked: string[] = [];
    const answers = new Map<string, Answer>();
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      (answers.get(request.url ?? '') ?? json({}, 404))(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keys = await (await fetch(`${issuer.url}/jwks`)).json();
    answers.set('/keys', json(keys));
    answers.set(DISCOVERY, json({ jwks_uri: `${url}/keys` }));
    return {
      url,
      answers,
      asked,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  }
  const DISCOVERY = '/.well-known/openid-configuration';
  const away = {
    code: 'dependency_unavailable',
    status: 503,
    message: 'the identity provider cannot be reached',
    options: expect.objectContaining({ retryAfterSeconds: 1, cause: expect.anything() }),
  };

  test('is found by discovery, once, whether the issuer ends in a slash or not', async () => {
    await using provider = await startProvider();
    for (const iss of [provider.url, `${provider.url}/`]) {
      provider.asked.length = 0;
      const verify = createVerifier({ issuer: iss, audience: AUDIENCE });
      const token = await issuer.token({ sub: 'alice', iss });
      await Promise.all([verify(token), verify(token)]);
      await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
      expect(provider.asked).toEqual([DISCOVERY, '/keys']);
    }
  });

  test('needs no discovery where the keys’ address is set', async () => {
    await using provider = await startProvider();
    const iss = 'https://login.example/tenant';
    const verify = createVerifier({ issuer: iss, audience: AUDIENCE, jwksUri: `${provider.url}/keys` });
    await expect(verify(await issuer.token({ sub: 'alice', iss }))).resolves.toMatchObject({
      subject: 'alice',
    });
    expect(provider.asked).toEqual(['/keys']);
  });

  test.each<[string, string, Answer]>([
    ['discovery fails', DISCOVERY, json({ jwks_uri: 'http://127.0.0.1:1/keys' }, 500)],
    ['discovery names no keys', DISCOVERY, json({})],
    ['discovery is cut off', DISCOVERY, (request) => request.destroy()],
    ['the keys fail', '/keys', json({}, 500)],
    ['the keys are none', '/keys', json({ keys: 7 })],
    ['the keys are cut off', '/keys', (request) => request.destroy()],
  ])('is away while %s: 503, and the next request finds it again', async (_, path, answer) => {
    await using provider = await startProvider();
    const works = provider.answers.get(path) as Answer;
    const verify = createVerifier({ issuer: provider.url, audience: AUDIENCE });
    const token = await issuer.token({ sub: 'alice', iss: provider.url });
    provider.answers.set(path, answer);
    await expect(verify(token)).rejects.toMatchObject(away);
    provider.answers.set(path, works);
    await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  test.each([DISCOVERY, '/keys'])('is away while %s hangs', async (path) => {
    const limits: number[] = [];
    const inTime = AbortSignal.timeout.bind(AbortSignal);
    using _clock = vi.spyOn(AbortSignal, 'timeout').mockImplementation((limit) => {
      limits.push(limit);
      return inTime(limit / 100);
    });
    await using provider = await startProvider();
    provider.answers.set(path, () => {});
    const verify = createVerifier({ issuer: provider.url, audience: AUDIENCE });
    const token = await issuer.token({ sub: 'alice', iss: provider.url });
    await expect(verify(token)).rejects.toMatchObject(away);
    expect(new Set(limits)).toEqual(new Set([3_000]));
  });
});
