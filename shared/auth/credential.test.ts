import { createHmac } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { clientSecret } from './client-secret.ts';
import { lazyCredential } from './credential.ts';

const LIBRARY = '@azure/identity';
afterEach(() => vi.doUnmock(LIBRARY));

/** The library in Azure asks the machine for its identity; here it only says what it was made with. */
function recordCredentials(): { readonly made: unknown[]; loads: number } {
  const record = { made: [] as unknown[], loads: 0 };
  vi.doMock(LIBRARY, () => {
    record.loads += 1;
    return {
      DefaultAzureCredential: class {
        constructor(options: unknown) {
          record.made.push(options);
        }
        getToken(scopes: string, options: unknown) {
          return Promise.resolve({ token: `${scopes} ${JSON.stringify(options)}`, expiresOnTimestamp: 1 });
        }
      },
    };
  });
  return record;
}

test('the library is loaded with the first token, and one identity is made for all', async () => {
  const record = recordCredentials();
  const credential = lazyCredential('client-1');
  expect(record).toEqual({ made: [], loads: 0 });
  const tokens = await Promise.all([
    credential.getToken('scope-a', { tenantId: 't' }),
    credential.getToken('scope-b'),
  ]);
  expect(tokens.map((each) => each?.token)).toEqual(['scope-a {"tenantId":"t"}', 'scope-b undefined']);
  expect(record).toEqual({ made: [{ managedIdentityClientId: 'client-1' }], loads: 1 });
});

test('without a client id the identity is the machine’s own', async () => {
  const record = recordCredentials();
  await lazyCredential().getToken('scope');
  expect(record.made).toEqual([{}]);
});

test('a machine client’s secret is an HMAC of its id: it needs the key, and is no other client’s', () => {
  const expected = createHmac('sha256', 'key').update('drone-1').digest('base64url');
  expect(clientSecret('key', 'drone-1')).toBe(expected);
  expect(clientSecret('key', 'drone-2')).not.toBe(expected);
  expect(clientSecret('other', 'drone-1')).not.toBe(expected);
});
