import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IdentityServer, startIdentity } from 'azure-local/identity';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBrowser, MemoryStorage, ORIGIN, type TestTab } from './browser.fixture.ts';
import type { PageConfig } from './config.ts';
import { type ForeignIssuer, startForeignIssuer } from './foreign-issuer.fixture.ts';
import { createSession } from './session.ts';

const AUDIENCE = 'api://drone-delivery';
const SCOPE = `openid profile offline_access ${AUDIENCE}/.default`;
const HOUR = 3_600_000;

describe('an issuer whose endpoints lie elsewhere than below it', () => {
  let issuer: ForeignIssuer;
  let config: PageConfig;

  beforeAll(async () => {
    issuer = await startForeignIssuer();
    config = { issuer: issuer.issuer, clientId: 'pages', scope: SCOPE, timeScale: 1 };
  });
  afterAll(() => issuer[Symbol.asyncDispose]());

  async function signedIn(tab: TestTab) {
    await createSession(config, tab).signIn();
    await tab.follow();
    const session = createSession(config, tab);
    return { session, path: await session.resume() };
  }

  test('signs in where discovery says, with PKCE, state, nonce and the scope of our API', async () => {
    const tab = createBrowser().tab('/deliveries/d1');
    const { session, path } = await signedIn(tab);
    expect(path).toBe('/deliveries/d1');
    expect(session.person.value).toEqual({
      id: 'alice',
      name: 'Alice',
      accountId: 'contoso',
      isOperator: false,
    });
    expect(await session.token()).toMatch(/^access-/);
    const asked = tab.visits[0]?.searchParams as URLSearchParams;
    expect(tab.visits[0]?.pathname).toBe('/tenant/oauth2/v2.0/authorize');
    expect(Object.fromEntries(asked)).toMatchObject({
      policy: 'drones',
      scope: SCOPE,
      redirect_uri: `${ORIGIN}/`,
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^.{20,}$/) as string,
      nonce: expect.stringMatching(/^.{20,}$/) as string,
    });
    expect(asked.has('prompt')).toBe(false);
  });

  test.each([
    ['another nonce', { claims: { nonce: 'other' } }],
    ['an ID token for another client', { claims: { aud: 'other' } }],
    ['an ID token of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['no ID token', { withoutIdToken: true }],
    ['an answer of another issuer', { redirect: { code: 'c', iss: 'https://evil.example' } }],
    ['an answer to another attempt', { redirect: { code: 'c', state: 'other' } }],
  ])('%s signs no one in', async (_, twist) => {
    Object.assign(issuer.twist, twist);
    const { session } = await signedIn(createBrowser().tab());
    delete issuer.twist.claims;
    delete issuer.twist.redirect;
    delete issuer.twist.withoutIdToken;
    expect(session.person.value).toBeUndefined();
    expect(await session.token()).toBeUndefined();
    expect(session.failure.value).toBe('The answer does not belong to this sign-in. Please sign in again.');
  });

  test.each([
    ['access_denied', 'The sign-in was cancelled, or this account may not use the page.'],
    ['temporarily_unavailable', 'Sign-in is not available at the moment. Please try again soon.'],
    ['invalid_scope', 'The sign-in was refused (invalid_scope: no such scope).'],
  ])('%s is said in words', async (error, sentence) => {
    issuer.twist.redirect = { error, error_description: 'no such scope' };
    const { session } = await signedIn(createBrowser().tab());
    delete issuer.twist.redirect;
    expect(session.failure.value).toBe(sentence);
  });

  test('an error of the token endpoint is said in words; one without a body, too', async () => {
    issuer.twist.tokenAnswers.push({ status: 400, body: { error: 'invalid_grant' } });
    const late = await signedIn(createBrowser().tab());
    expect(late.session.failure.value).toBe(
      'This sign-in took too long or has already been used. Please sign in again.',
    );
    const away = createSession({ ...config, issuer: 'http://127.0.0.1:1/' }, createBrowser().tab());
    await away.signIn();
    expect(away.failure.value).toBe('Sign-in cannot be reached. Check the connection and try again.');
  });

  test('an address with an answer that this tab did not ask for is only an address', async () => {
    const tab = createBrowser().tab('/?code=stolen&state=theirs');
    const session = createSession(config, tab);
    expect(await session.resume()).toBe('/');
    expect(session.person.value).toBeUndefined();
  });

  test('S1 a reload keeps the session; its token is used until a minute before its end', async () => {
    const browser = createBrowser();
    const tab = browser.tab();
    const { session } = await signedIn(tab);
    const token = await session.token();
    const again = createSession(config, Object.assign(tab, { url: new URL(`${ORIGIN}/fleet`) }));
    expect(await again.resume()).toBe('/fleet');
    browser.time += HOUR - 61_000;
    expect(await again.token()).toBe(token);
    browser.time += 2_000;
    expect(await again.token()).not.toBe(token);
    expect(again.person.value?.name).toBe('Alice');
  });

  test('S3 many calls at once refresh once', async () => {
    const browser = createBrowser();
    const { session } = await signedIn(browser.tab());
    const before = issuer.requests.length;
    browser.time += HOUR;
    const tokens = await Promise.all([session.token(), session.token(), session.token()]);
    expect(new Set(tokens).size).toBe(1);
    expect(issuer.requests.slice(before).filter((each) => each.includes('/token'))).toHaveLength(1);
  });

  test('S4 a refresh that gets no answer keeps the session', async () => {
    const browser = createBrowser();
    const { session } = await signedIn(browser.tab());
    browser.time += HOUR - 30_000;
    issuer.twist.tokenAnswers.push({ status: 503, body: 'busy' }, { status: 503, body: 'busy' });
    expect(await session.token()).toMatch(/^access-/);
    browser.time += HOUR;
    await expect(session.token()).rejects.toThrow(TypeError);
    expect(session.person.value?.id).toBe('alice');
    expect(await session.token()).toMatch(/^access-/);
  });

  test('S4 after a refresh that is refused, the tab signs in again silently', async () => {
    const browser = createBrowser();
    const tab = browser.tab();
    const { session } = await signedIn(tab);
    browser.time += HOUR;
    issuer.twist.tokenAnswers.push({ status: 400, body: { error: 'invalid_grant' } });
    expect(await session.token()).toBeUndefined();
    expect(session.person.value).toBeUndefined();
    expect(tab.visits.at(-1)?.searchParams.get('prompt')).toBe('none');
  });

  test('sign-out forgets the tokens, and ends the issuer’s session with a hint of whose', async () => {
    const browser = createBrowser();
    const tab = browser.tab();
    const { session } = await signedIn(tab);
    await session.signOut();
    expect(await session.token()).toBeUndefined();
    expect([...tab.tab.values, ...browser.shared.values]).toEqual([]);
    const end = tab.visits.at(-1) as URL;
    expect(end.pathname).toBe('/tenant/oauth2/v2.0/logout');
    expect(end.searchParams.get('post_logout_redirect_uri')).toBe(`${ORIGIN}/`);
    expect(decodeJwt(end.searchParams.get('id_token_hint') ?? '').sub).toBe('alice');
  });

  test('a token that a service refuses ends the session', async () => {
    const { session } = await signedIn(createBrowser().tab());
    session.reject();
    expect(session.person.value).toBeUndefined();
    expect(await session.token()).toBeUndefined();
  });
});

describe('the issuer of this machine', () => {
  let folder: string;
  let issuer: IdentityServer;
  let config: PageConfig;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'session-'));
    issuer = await startIdentity({
      port: 0,
      dataDir: folder,
      principals: [{ id: 'alice', name: 'Alice', roles: ['customer'], accountId: 'contoso' }],
      clients: [{ id: 'pages', redirectUris: [`${ORIGIN}/`] }],
      resources: [AUDIENCE],
      signIn: { application: 'Drones', people: ['alice'], staff: 'Staff' },
    });
    config = { issuer: issuer.issuer, clientId: 'pages', scope: SCOPE, timeScale: 1 };
  });
  afterAll(async () => {
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  const choose = (who: string) => async (page: Response) => {
    const hidden = [...(await page.text()).matchAll(/name="(\w+)" value="([^"]*)"/g)];
    const fields = hidden
      .filter(([, name]) => name !== 'who')
      .map(([, name = '', value = '']) => [name, decoded(value)]);
    return fetch(`${issuer.issuer}/authorize`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams([...fields, ['who', who]]),
    });
  };
  const decoded = (html: string) =>
    html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

  test('S1 a person signs in by choosing; a second tab signs in without a question (D12)', async () => {
    const browser = createBrowser();
    const first = browser.tab();
    const before = createSession(config, first);
    expect(await before.resume({ silent: true })).toBe('/');
    expect(first.visits).toEqual([]);
    await before.signIn();
    await first.follow(choose('alice'));
    await createSession(config, first).resume();

    const second = browser.tab('/deliveries/d1');
    expect(await createSession(config, second).resume({ silent: true })).toBeUndefined();
    await second.follow();
    const session = createSession(config, second);
    expect(await session.resume()).toBe('/deliveries/d1');
    expect(session.person.value?.id).toBe('alice');
    expect(decodeJwt((await session.token()) ?? '')).toMatchObject({ sub: 'alice', aud: AUDIENCE });

    browser.time += HOUR;
    const renewed = await session.token();
    expect(decodeJwt(renewed ?? '').sub).toBe('alice');
  });

  test('S2 a silent sign-in that needs the person shows no error and is not tried again', async () => {
    const browser = createBrowser();
    browser.shared.setItem('signed-in', 'yes');
    const tab = browser.tab();
    expect(await createSession(config, tab).resume({ silent: true })).toBeUndefined();
    await tab.follow();
    expect(tab.url.searchParams.get('error')).toBe('login_required');
    const session = createSession(config, tab);
    expect(await session.resume({ silent: true })).toBe('/');
    expect(session.failure.value).toBeUndefined();
    const next = browser.tab();
    expect(await createSession(config, next).resume({ silent: true })).toBe('/');
    expect(next.visits).toEqual([]);
  });

  test('after sign-out the issuer no longer knows anyone', async () => {
    const browser = createBrowser();
    const tab = browser.tab();
    await createSession(config, tab).signIn();
    await tab.follow(choose('alice'));
    const session = createSession(config, tab);
    await session.resume();
    await session.signOut();
    await tab.follow();
    expect(tab.url.href).toBe(`${ORIGIN}/`);
    browser.shared.setItem('signed-in', 'yes');
    const other = Object.assign(browser.tab(), { tab: new MemoryStorage() });
    await createSession(config, other).resume({ silent: true });
    await other.follow();
    expect(other.url.searchParams.get('error')).toBe('login_required');
  });
});
