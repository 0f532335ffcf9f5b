import { describe, expect, test } from 'vitest';
import { signatureHeaders, signingSecrets } from './signature.ts';

const AT = new Date(1_614_265_330_000);
const KEYS = ['a-master-key-that-is-newer-than-the-other', 'a-master-key-that-is-older-than-the-other'];

describe('a signature', () => {
  test('is that of the specification’s example', () => {
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/index.test.ts
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(signatureHeaders([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', AT, '{"test": 2432232314}')).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('covers id, time and body (G1)', () => {
    const [secret] = signingSecrets(KEYS, 'account contoso');
    const of = (id: string, at: Date, body: string) =>
      signatureHeaders([secret ?? ''], id, at, body)['webhook-signature'];
    const later = new Date(AT.getTime() + 1_000);
    const all = [of('a', AT, '{}'), of('b', AT, '{}'), of('a', later, '{}'), of('a', AT, '{ }')];
    expect(new Set(all).size).toBe(4);
  });

  test('is made with each active key, and with secrets that no other account has (G2, G3)', () => {
    const ours = signingSecrets(KEYS, 'account contoso');
    const theirs = signingSecrets(KEYS, 'account tailwind');
    expect(new Set([...ours, ...theirs]).size).toBe(4);
    expect(ours.every((secret) => /^whsec_[A-Za-z0-9+/]{43}=$/.test(secret))).toBe(true);
    const { 'webhook-signature': both } = signatureHeaders(ours, 'a', AT, '{}');
    const each = ours.map((secret) => signatureHeaders([secret], 'a', AT, '{}')['webhook-signature']);
    expect(both).toBe(each.join(' '));
    expect(signingSecrets(KEYS.slice(0, 1), 'account contoso')).toEqual(ours.slice(0, 1));
  });
});
