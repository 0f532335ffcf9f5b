import { expect, test } from 'vitest';
import { createRefreshTokens } from './refresh-tokens.ts';

const GRANT = { clientId: 'pages', principalId: 'alice', audience: 'api', scopes: ['openid'] };
const HOUR = 3_600_000;

function setUp() {
  let time = 0;
  return { tokens: createRefreshTokens(() => new Date(time)), pass: (ms: number) => (time += ms) };
}

test('T1 each use replaces the token and keeps the grant', () => {
  const { tokens } = setUp();
  let token = tokens.issue(GRANT);
  for (let use = 0; use < 5; use += 1) {
    const { grant, next } = tokens.rotate(token, 'pages');
    expect(grant).toEqual(GRANT);
    expect(next).not.toBe(token);
    token = next;
  }
});

test('T2 a token that is used again ends its family, and no other', () => {
  const { tokens } = setUp();
  const [first, other] = [tokens.issue(GRANT), tokens.issue(GRANT)];
  const { next } = tokens.rotate(first, 'pages');
  expect(() => tokens.rotate(first, 'pages')).toThrow('used before');
  expect(() => tokens.rotate(next, 'pages')).toThrow('used before');
  expect(tokens.rotate(other, 'pages').grant).toEqual(GRANT);
});

test('T3 a family belongs to one client, and ends a day after the sign-in no matter how often it is renewed', () => {
  const { tokens, pass } = setUp();
  let token = tokens.issue(GRANT);
  expect(() => tokens.rotate(token, 'other')).toThrow('another client');
  for (let hour = 1; hour < 24; hour += 1) {
    pass(HOUR);
    token = tokens.rotate(token, 'pages').next;
  }
  pass(HOUR);
  expect(() => tokens.rotate(token, 'pages')).toThrow('expired');
  expect(() => tokens.rotate('never issued', 'pages')).toThrow('unknown');
});
