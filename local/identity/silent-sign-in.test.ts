import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type IdentityServer, startIdentity } from './server.ts';

const REDIRECT = 'http://127.0.0.1:5555/';
const VERIFIER = 'a-verifier-of-at-least-forty-three-characters-length';
const ASKED = {
  response_type: 'code',
  client_id: 'pages',
  redirect_uri: REDIRECT,
  scope: 'openid offline_access',
  state: 's',
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
};

let folder: string;
let server: IdentityServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'identity-'));
  server = await startIdentity({
    port: 0,
    dataDir: folder,
    principals: [
      { id: 'alice', name: 'Alice', roles: ['account-admin'], accountId: 'acme', accountName: 'Acme & Sons' },
      { id: 'otto', name: 'Otto', roles: ['operator'] },
      { id: 'robot', name: 'Robot', roles: ['operator'] },
    ],
    signIn: { application: 'Acme', people: ['alice', 'otto'], staff: 'Staff' },
    clients: [
      { id: 'pages', name: 'The page', redirectUris: [REDIRECT] },
      { id: 'robot', secret: 'x' },
    ],
  });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const choose = (who: string) =>
  fetch(`${server.issuer}/authorize`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ ...ASKED, who }),
  });
const silently = (cookie: string) =>
  fetch(`${server.issuer}/authorize?${new URLSearchParams({ ...ASKED, prompt: 'none' }).toString()}`, {
    redirect: 'manual',
    headers: { cookie },
  });
const back = (answer: Response) => new URL(answer.headers.get('location') ?? 'none:').searchParams;
const cookieOf = (answer: Response) => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
const redeem = async (form: Record<string, string>) => {
  const body = new URLSearchParams({ client_id: 'pages', ...form });
  const answer = await fetch(`${server.issuer}/token`, { method: 'POST', body });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
};
const redeemCode = (code: string) =>
  redeem({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER });

test('only people are offered, by the names of their account and role (W24)', async () => {
  const page = await (
    await fetch(`${server.issuer}/authorize?${new URLSearchParams(ASKED).toString()}`)
  ).text();
  const offered = [...page.matchAll(/<button name="who" value="(\w+)"/g)].map(([, id]) => id);
  expect(offered).toEqual(['alice', 'otto']);
  expect(page).toContain('Acme &#38; Sons');
  expect(page).toContain('Account admin');
  expect(page).toContain('The page then acts');
  expect(back(await choose('robot')).get('error')).toBe('access_denied');
});

test('prompt=none answers for the person of the session, and login_required without one', async () => {
  const cookie = cookieOf(await choose('alice'));
  const answer = back(await silently(`theme=dark; ${cookie}`));
  expect((await redeemCode(answer.get('code') ?? '')).status).toBe(200);
  for (const wrong of ['', 'identity-session=guess']) {
    expect(Object.fromEntries(back(await silently(wrong)))).toMatchObject({
      error: 'login_required',
      state: 's',
    });
  }
});

test('the cookie is kept from scripts and other sites, and sign-out ends the session behind it', async () => {
  const chosen = await choose('alice');
  expect(chosen.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Lax$/);
  const cookie = cookieOf(chosen);
  const out = await fetch(`${server.issuer}/logout`, { headers: { cookie } });
  expect(out.headers.get('set-cookie')).toMatch(/^identity-session=; .*Max-Age=0/);
  expect(back(await silently(cookie)).get('error')).toBe('login_required');
});

test('a refresh token comes with offline_access only, and is replaced at each use', async () => {
  const first = await redeemCode(back(await choose('alice')).get('code') ?? '');
  const refresh = (token: string) => redeem({ grant_type: 'refresh_token', refresh_token: token });
  const second = await refresh(first.body['refresh_token'] ?? '');
  expect(second).toMatchObject({
    status: 200,
    body: { token_type: 'Bearer', id_token: expect.anything() as string },
  });
  expect(second.body['refresh_token']).not.toBe(first.body['refresh_token']);
  expect(await refresh(first.body['refresh_token'] ?? '')).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  const form = new URLSearchParams({ ...ASKED, scope: 'openid', who: 'alice' });
  const online = await fetch(`${server.issuer}/authorize`, {
    method: 'POST',
    redirect: 'manual',
    body: form,
  });
  expect((await redeemCode(back(online).get('code') ?? '')).body).not.toHaveProperty('refresh_token');
});
