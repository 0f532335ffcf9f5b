import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, type IdentityServer, type Principal, startIdentity } from './server.ts';
import { tokenCommand } from './token-command.ts';

const AUDIENCE = 'api://orders';
const REDIRECT = 'http://127.0.0.1:5555/signed-in';
const EVENT_HUBS = 'https://eventhubs.azure.net/';

const principals: Principal[] = [
  { id: 'alice', name: 'Alice <of> "Acme"', roles: ['customer'], accountId: 'acme' },
  { id: 'otto', name: 'Otto', roles: ['operator'] },
  { id: 'drone-1', name: 'Drone 1', roles: ['drone'], droneId: 'drone-1' },
  { id: 'swift', name: 'Swift', roles: ['carrier'], carrierId: 'swift' },
  { id: 'robot', name: 'Robot', roles: ['operator'] },
  { id: 'scheduler', name: 'Scheduler', roles: ['service'] },
];
const clients: Client[] = [
  { id: 'drone-1', secret: 's3cret & +more' },
  { id: 'carrier-app', secret: 'other', principalId: 'swift' },
  { id: 'orphan', secret: 'x', principalId: 'nobody' },
  { id: 'pages', redirectUris: [REDIRECT] },
];

let root: string;
let time = new Date();
let server: IdentityServer;

const start = (dataDir: string, port = 0) =>
  startIdentity({
    port,
    dataDir,
    principals,
    clients,
    resources: [AUDIENCE, EVENT_HUBS],
    signIn: { application: 'Orders', people: ['alice', 'otto', 'stranger'], staff: 'Our staff' },
    managedIdentity: { header: 'header-secret', defaultPrincipalId: 'scheduler' },
    now: () => time,
  });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'identity-'));
  server = await start(join(root, 'identity'));
});

afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

const post = (body: Record<string, string> | string, headers: Record<string, string> = {}) =>
  fetch(`${server.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof body === 'string' ? body : new URLSearchParams(body).toString(),
  });

async function refused(answer: Response): Promise<string> {
  const { error, error_description: text } = (await answer.json()) as Record<string, string>;
  expect(text).toBeTruthy();
  return `${answer.status} ${error}`;
}

const verified = async (token: string, audience = AUDIENCE): Promise<JWTPayload> => {
  const keys = createRemoteJWKSet(new URL(`${server.issuer}/jwks`));
  return (await jwtVerify(token, keys, { issuer: server.issuer, audience, currentDate: time })).payload;
};

describe('discovery and keys', () => {
  test('names endpoints that exist', async () => {
    const answer = await fetch(`${server.issuer}/.well-known/openid-configuration`);
    const document = (await answer.json()) as Record<string, string>;
    expect(document['issuer']).toBe(server.issuer);
    for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'end_session_endpoint']) {
      const method = name === 'token_endpoint' ? 'POST' : 'GET';
      const { status } = await fetch(document[name] ?? '', { method });
      expect([name, status]).not.toEqual([name, 404]);
    }
  });

  test('publishes the public key only, and keeps the private one for its owner', async () => {
    const { keys } = (await (await fetch(`${server.issuer}/jwks`)).json()) as { keys: object[] };
    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect((await stat(join(root, 'identity', 'signing-key.json'))).mode & 0o077).toBe(0);
  });

  test('an access token says who it is, in the claims that the principal has', async () => {
    expect(await verified(await server.tokenFor('alice'))).toMatchObject({
      sub: 'alice',
      name: 'Alice <of> "Acme"',
      roles: ['customer'],
      account: 'acme',
    });
    expect(await verified(await server.tokenFor('drone-1'))).toMatchObject({
      sub: 'drone-1',
      drone: 'drone-1',
    });
  });

  test('tokenFor lasts 12 hours and knows only its principals', async () => {
    const { exp = 0, iat = 0, azp, jti } = decodeJwt(await server.tokenFor('otto'));
    expect(exp - iat).toBe(12 * 3600);
    expect(azp).toBe('demonstration');
    expect(jti).not.toBe(decodeJwt(await server.tokenFor('otto')).jti);
    await expect(server.tokenFor('mallory')).rejects.toThrow('there is no principal mallory');
  });
});

describe('client credentials', () => {
  const credentials = {
    grant_type: 'client_credentials',
    client_id: 'drone-1',
    client_secret: 's3cret & +more',
  };

  test('by the form', async () => {
    const answer = await post({ ...credentials, scope: `${AUDIENCE}/.default` });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const body = (await answer.json()) as Record<string, string>;
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    expect(await verified(body['access_token'] ?? '')).toMatchObject({
      sub: 'drone-1',
      drone: 'drone-1',
      roles: ['drone'],
      azp: 'drone-1',
      aud: AUDIENCE,
    });
  });

  test('by Basic, for another principal and another audience', async () => {
    const basic = `Basic ${Buffer.from('carrier-app:other').toString('base64')}`;
    const form = { grant_type: 'client_credentials', resource: 'https://eventhubs.azure.net' };
    const body = (await (await post(form, { authorization: basic })).json()) as Record<string, string>;
    expect(await verified(body['access_token'] ?? '', EVENT_HUBS)).toMatchObject({
      sub: 'swift',
      carrier: 'swift',
    });
  });

  test.each<[string, Record<string, string> | string, string]>([
    ['a wrong secret', { ...credentials, client_secret: 'guess' }, '401 invalid_client'],
    ['no secret', { grant_type: 'client_credentials', client_id: 'drone-1' }, '401 invalid_client'],
    ['an unknown client', { ...credentials, client_id: 'who' }, '401 invalid_client'],
    ['a public client', { grant_type: 'client_credentials', client_id: 'pages' }, '400 unauthorized_client'],
    [
      'a client of nobody',
      { ...credentials, client_id: 'orphan', client_secret: 'x' },
      '400 unauthorized_client',
    ],
    ['another audience', { ...credentials, resource: 'https://elsewhere' }, '400 invalid_target'],
    ['another grant', { ...credentials, grant_type: 'password' }, '400 unsupported_grant_type'],
    ['no grant', { client_id: 'drone-1', client_secret: 's3cret & +more' }, '400 invalid_request'],
    [
      'a thing said twice',
      `${new URLSearchParams(credentials).toString()}&client_id=pages`,
      '400 invalid_request',
    ],
    ['a large body', 'x'.repeat(20_000), '413 invalid_request'],
  ])('%s is refused', async (_, form, expected) => {
    expect(await refused(await post(form))).toBe(expected);
  });

  test('JSON is refused, and so are two ways at once and a broken Basic', async () => {
    expect(await refused(await post('{}', { 'content-type': 'application/json' }))).toBe(
      '400 invalid_request',
    );
    const right = `Basic ${Buffer.from('carrier-app:other').toString('base64')}`;
    expect(await refused(await post(credentials, { authorization: right }))).toBe('400 invalid_request');
    const broken = `Basic ${Buffer.from('%zz:%').toString('base64')}`;
    const answer = await post({ grant_type: 'client_credentials' }, { authorization: broken });
    expect(answer.headers.get('www-authenticate')).toContain('Basic');
    expect(await refused(answer)).toBe('401 invalid_client');
  });
});

describe('authorization code', () => {
  const verifier = 'a-verifier-of-at-least-forty-three-characters-length';
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const asked = {
    response_type: 'code',
    client_id: 'pages',
    redirect_uri: REDIRECT,
    scope: 'openid',
    state: 'st"ate',
    nonce: 'n-1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  };
  const show = (changes: Record<string, string> = {}) =>
    fetch(`${server.issuer}/authorize?${new URLSearchParams({ ...asked, ...changes }).toString()}`, {
      redirect: 'manual',
    });
  const choose = (who: string, headers: Record<string, string> = {}) =>
    fetch(`${server.issuer}/authorize`, {
      method: 'POST',
      redirect: 'manual',
      headers,
      body: new URLSearchParams({ ...asked, who }),
    });
  const location = (answer: Response) => new URL(answer.headers.get('location') ?? 'none:').searchParams;
  const codeOf = async (who = 'alice') => location(await choose(who)).get('code') ?? '';
  const redeem = (code: string, changes: Record<string, string> = {}) =>
    post({
      grant_type: 'authorization_code',
      client_id: 'pages',
      code,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
      ...changes,
    });

  test('the page offers only the people it was given, each under an account or the staff, and escapes all text', async () => {
    const answer = await show();
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html).toContain('value="alice"');
    expect(html).toContain('Alice &#60;of&#62;');
    expect(html).toContain('value="st&#34;ate"');
    expect(html).toMatch(/<html lang="en">.*<title>Sign in – Orders<.*<h1>/s);
    expect(html).toMatch(/acme.*value="alice".*Our staff.*value="otto"/s);
    expect(html).not.toMatch(/drone-1|robot|stranger/);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('a choice leads back with code, state and issuer; the code gives both tokens', async () => {
    const back = location(await choose('alice', { origin: server.issuer }));
    expect(back.get('state')).toBe('st"ate');
    expect(back.get('iss')).toBe(server.issuer);
    const body = (await (await redeem(back.get('code') ?? '')).json()) as Record<string, string>;
    expect(await verified(body['access_token'] ?? '')).toMatchObject({ sub: 'alice', account: 'acme' });
    expect(await verified(body['id_token'] ?? '', 'pages')).toMatchObject({ sub: 'alice', nonce: 'n-1' });
  });

  test('a code is used once', async () => {
    const code = await codeOf();
    expect((await redeem(code)).status).toBe(200);
    expect(await refused(await redeem(code))).toBe('400 invalid_grant');
  });

  test('a wrong verifier is refused and ends the code', async () => {
    const code = await codeOf();
    expect(await refused(await redeem(code, { code_verifier: 'guess' }))).toBe('400 invalid_grant');
    expect(await refused(await redeem(code))).toBe('400 invalid_grant');
  });

  test('a code ends after a minute', async () => {
    const code = await codeOf();
    time = new Date(time.getTime() + 60_000);
    expect(await refused(await redeem(code))).toBe('400 invalid_grant');
  });

  test('a code of another client or address is refused', async () => {
    const other = { client_id: 'drone-1', client_secret: 's3cret & +more' };
    expect(await refused(await redeem(await codeOf(), other))).toBe('400 invalid_grant');
    const elsewhere = { redirect_uri: 'http://127.0.0.1:5555/other' };
    expect(await refused(await redeem(await codeOf(), elsewhere))).toBe('400 invalid_grant');
    expect(await refused(await redeem(await codeOf(), { code_verifier: '' }))).toBe('400 invalid_request');
  });

  test('an address that is not registered is never sent anything', async () => {
    for (const changes of [{ redirect_uri: 'http://127.0.0.1:5555/evil' }, { client_id: 'unknown' }]) {
      const answer = await show(changes);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('location')).toBeNull();
      expect(await answer.text()).toContain('This sign-in cannot go on');
    }
  });

  test.each([
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ code_challenge: '' }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ resource: 'https://elsewhere' }, 'invalid_target'],
  ])('%o is told to the client', async (changes, error) => {
    const back = location(await show(changes));
    expect(back.get('error')).toBe(error);
    expect(back.get('state')).toBe('st"ate');
  });

  test('machines cannot be chosen, nor by a page of another site', async () => {
    for (const who of ['scheduler', 'robot', 'stranger']) {
      expect(location(await choose(who)).get('error')).toBe('access_denied');
    }
    expect((await choose('alice', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await choose('alice', { origin: 'null' })).status).toBe(403);
  });

  test('logout leads to registered addresses only', async () => {
    const logout = (to: string) =>
      fetch(`${server.issuer}/logout?post_logout_redirect_uri=${encodeURIComponent(to)}`, {
        redirect: 'manual',
      });
    expect((await logout(REDIRECT)).headers.get('location')).toBe(REDIRECT);
    expect((await logout('https://evil.example')).status).toBe(200);
  });
});

describe('managed identity', () => {
  const ask = (query: Record<string, string>, header = 'header-secret') =>
    fetch(`${server.managedIdentityEndpoint}?${new URLSearchParams(query).toString()}`, {
      headers: { 'x-identity-header': header },
    });
  const right = { 'api-version': '2019-08-01', resource: EVENT_HUBS };

  test('without a client id it is the default identity', async () => {
    const body = (await (await ask(right)).json()) as Record<string, string>;
    expect(Number(body['expires_on'])).toBe(Math.floor(time.getTime() / 1000) + 3600);
    expect(decodeJwt(body['access_token'] ?? '').sub).toBe('scheduler');
  });

  test.each<[string, Record<string, string>, string | undefined, number]>([
    ['a wrong header', right, 'guess', 401],
    ['another version', { ...right, 'api-version': '2017-09-01' }, undefined, 400],
    ['no resource', { 'api-version': '2019-08-01' }, undefined, 400],
    ['another resource', { ...right, resource: 'https://elsewhere' }, undefined, 400],
    ['a person', { ...right, client_id: 'alice' }, undefined, 400],
    ['nobody', { ...right, client_id: 'nobody' }, undefined, 400],
  ])('%s is refused', async (_, query, header, status) => {
    expect((await ask(query, header)).status).toBe(status);
  });
});

describe('loopback only', () => {
  test('another host to listen on, or to redirect to, is refused', async () => {
    const options = { port: 0, dataDir: join(root, 'refused'), principals, clients };
    await expect(startIdentity({ ...options, host: '0.0.0.0' })).rejects.toThrow('is not loopback');
    const abroad = [{ id: 'pages', redirectUris: ['https://example.com/'] }];
    await expect(startIdentity({ ...options, clients: abroad })).rejects.toThrow(
      'not an address on loopback',
    );
  });

  test('a host name that was rebound to loopback gets nothing', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example:${server.port}` };
      httpRequest(`${server.issuer}/jwks`, { headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  test('pages of loopback may read tokens, others may not', async () => {
    const preflight = (origin: string) =>
      fetch(`${server.issuer}/token`, { method: 'OPTIONS', headers: { origin } });
    const allowed = await preflight('http://localhost:3000');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('an unknown path is 404', async () => {
    expect(await refused(await fetch(`${server.issuer}/elsewhere`))).toBe('404 not_found');
  });
});

describe('a restart', () => {
  test('keeps the key, so tokens stay valid', async () => {
    const dataDir = join(root, 'restart');
    const first = await start(dataDir);
    const token = await first.tokenFor('alice');
    await first.close();
    await using second = await start(dataDir, first.port);
    const keys = createRemoteJWKSet(new URL(`${second.issuer}/jwks`));
    const { payload } = await jwtVerify(token, keys, { issuer: second.issuer, currentDate: time });
    expect(payload.sub).toBe('alice');
  });

  test('with a damaged key says what to do', async () => {
    const dataDir = join(root, 'damaged');
    await (await start(dataDir)).close();
    await writeFile(join(dataDir, 'signing-key.json'), '{"kty":');
    await expect(start(dataDir)).rejects.toThrow(/signing-key\.json is damaged .*delete it/);
  });
});

describe('npm run token', () => {
  test('makes a token that the issuer’s keys verify', async () => {
    const token = await tokenCommand(['alice', '--data', root, '--hours', '1']);
    const claims = await verified(token);
    expect(claims).toMatchObject({ sub: 'alice', account: 'acme', aud: AUDIENCE });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3600);
  });

  test('says who there is, and what to do first', async () => {
    await expect(tokenCommand(['mallory', '--data', root])).rejects.toThrow('one of alice, otto, drone-1');
    await expect(tokenCommand(['alice', '--data', join(root, 'none')])).rejects.toThrow('npm start first');
    await expect(tokenCommand(['alice', '--data', root, '--hours', 'x'])).rejects.toThrow('--hours');
  });
});
