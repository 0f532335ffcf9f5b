/** Blobs with tokens over TLS, through the unmodified SDK. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { DefaultAzureCredential } from '@azure/identity';
import { BlobServiceClient, type RestError, type StoragePipelineOptions } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openAuthority } from '../certificates.ts';
import { type IdentityServer, startIdentity } from '../identity/server.ts';
import { type StorageServer, startStorage } from './server.ts';

const AUDIENCE = 'https://storage.azure.com';
const ONCE: StoragePipelineOptions = { retryOptions: { maxTries: 1 } };
const NAMES = ['owner', 'contributor', 'reader', 'proofs-reader', 'queue-owner', 'stranger'];

let folder: string;
let identity: IdentityServer;
let server: StorageServer;
let byKey: BlobServiceClient;

const startIssuer = (dataDir: string) =>
  startIdentity({
    port: 0,
    dataDir,
    clients: [],
    resources: [AUDIENCE, 'https://other.test'],
    principals: NAMES.map((id) => ({ id, name: id, roles: ['service'] })),
    managedIdentity: { header: 'header' },
  });

const tokensOf = (issuer: string) => ({
  tls: openAuthority(join(folder, 'tls')).issue(),
  issuer,
  roles: {
    owner: { '*': 'blobOwner' },
    contributor: { '*': 'blobContributor' },
    reader: { '*': 'blobReader' },
    'proofs-reader': { proofs: 'blobReader' },
    'queue-owner': { '*': ['queueContributor', 'tableContributor'] },
  } as const,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-tokens-'));
  setDefaultCACertificates([...getCACertificates('default'), openAuthority(join(folder, 'tls')).certificate]);
  identity = await startIssuer(join(folder, 'identity'));
  const dataDir = join(folder, 'data');
  const tokens = tokensOf(identity.issuer);
  server = await startStorage({ port: 0, dataDir, tokens });
  byKey = BlobServiceClient.fromConnectionString(server.connectionString, ONCE);
  for (const name of ['proofs', 'secrets']) {
    await byKey.createContainer(name);
    await byKey.getContainerClient(name).getBlockBlobClient('one').upload('kept', 4);
  }
});

afterAll(async () => {
  await server.close();
  await identity.close();
  await rm(folder, { recursive: true });
});

const address = () => server.tokenEndpoints.blob ?? '';

/** A client whose tokens are what `getToken` gives; `tenantId` is known after a challenge. */
const clientWith = (getToken: (tenantId?: string) => Promise<string>) =>
  new BlobServiceClient(
    address(),
    {
      getToken: async (_, options) => ({
        token: await getToken(options?.tenantId),
        expiresOnTimestamp: Date.now() + 3_600_000,
      }),
    },
    ONCE,
  );

const as = (who: string, options: { audience?: string; ttl?: number } = {}) =>
  clientWith(() => identity.tokenFor(who, { audience: AUDIENCE, ...options }));

async function refusalOf(work: Promise<unknown>) {
  const error = await work.then(
    () => ({ statusCode: 200 }),
    (failure: RestError) => failure,
  );
  const { statusCode, code, details } = error as RestError & {
    details?: { authenticationErrorDetail?: string };
  };
  return [statusCode, code, details?.authenticationErrorDetail];
}

const NO_RIGHT = [403, 'AuthorizationPermissionMismatch', undefined];
const blobOf = (client: BlobServiceClient, container = 'proofs', name = 'one') =>
  client.getContainerClient(container).getBlockBlobClient(name);

describe('blobs with a token', () => {
  test('DefaultAzureCredential finds the managed identity: containers are made, blobs written, read, listed, deleted', async () => {
    vi.stubEnv('IDENTITY_ENDPOINT', identity.managedIdentityEndpoint);
    vi.stubEnv('IDENTITY_HEADER', 'header');
    try {
      const credential = new DefaultAzureCredential({ managedIdentityClientId: 'owner' });
      const container = new BlobServiceClient(address(), credential, ONCE).getContainerClient('mine');
      expect((await container.createIfNotExists()).succeeded).toBe(true);
      expect((await container.createIfNotExists()).succeeded).toBe(false);
      const bytes = Buffer.alloc(3 * 1024 * 1024, 'drone');
      const blob = container.getBlockBlobClient('a folder/ä|b"c\\d?e=f&g%20h.jpg');
      await blob.uploadData(bytes, { blockSize: 1024 * 1024, maxSingleShotSize: 1024, tags: { kind: 'p' } });
      expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true);
      expect((await blob.getTags()).tags).toEqual({ kind: 'p' });
      const names: string[] = [];
      for await (const { name } of container.listBlobsFlat({ prefix: 'a folder/' })) names.push(name);
      expect(names).toEqual(['a folder/ä|b"c/d?e=f&g%20h.jpg']);
      await blob.delete();
      expect(await blob.exists()).toBe(false);
      await container.delete();
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('what a token wrote the key reads, and the other way round', async () => {
    const blob = blobOf(as('contributor'), 'proofs', 'shared');
    await blob.upload('by token', 8, { conditions: { ifNoneMatch: '*' } });
    expect((await blobOf(byKey, 'proofs', 'shared').downloadToBuffer()).toString()).toBe('by token');
    expect(await refusalOf(blob.upload('b', 1, { conditions: { ifNoneMatch: '*' } }))).toEqual([
      409,
      'BlobAlreadyExists',
      undefined,
    ]);
    await blobOf(byKey, 'proofs', 'shared').delete();
    expect(await blob.exists()).toBe(false);
  });

  test('a reader reads and lists; what writes is 403', async () => {
    const client = as('reader');
    expect((await blobOf(client).downloadToBuffer()).toString()).toBe('kept');
    expect((await client.getContainerClient('proofs').getProperties()).etag).toBeTruthy();
    const names: string[] = [];
    for await (const { name } of client.listContainers()) names.push(name);
    expect(names).toContain('secrets');
    const writes: (() => Promise<unknown>)[] = [
      () => blobOf(client, 'proofs', 'new').upload('x', 1),
      () => blobOf(client).setMetadata({ a: 'b' }),
      () => blobOf(client).getBlobLeaseClient().acquireLease(15),
      () => blobOf(client).delete(),
      () => client.createContainer('other'),
      () => client.deleteContainer('proofs'),
    ];
    for (const write of writes) expect(await refusalOf(write())).toEqual(NO_RIGHT);
    expect((await blobOf(byKey).downloadToBuffer()).toString()).toBe('kept');
  });

  test('a contributor writes, but has no tags and no properties of the service, as in Azure', async () => {
    const client = as('contributor');
    const blob = blobOf(client, 'proofs', 'tagged');
    await blob.upload('x', 1);
    expect(await refusalOf(blob.setTags({ a: 'b' }))).toEqual(NO_RIGHT);
    expect(await refusalOf(blob.upload('x', 1, { tags: { a: 'b' } }))).toEqual(NO_RIGHT);
    expect(await refusalOf(client.findBlobsByTags("a='b'").next())).toEqual(NO_RIGHT);
    expect(await refusalOf(client.getProperties())).toEqual(NO_RIGHT);
    await blob.delete();
  });

  test('a role for one container holds there only, and lists no containers', async () => {
    const client = as('proofs-reader');
    expect((await blobOf(client).downloadToBuffer()).toString()).toBe('kept');
    expect(await refusalOf(blobOf(client, 'secrets').download())).toEqual(NO_RIGHT);
    expect(await refusalOf(client.listContainers().next())).toEqual(NO_RIGHT);
  });

  test('a copy needs the right to read its source', async () => {
    const copy = (who: string) =>
      blobOf(as(who), 'proofs', 'copy').syncCopyFromURL(`${address()}/secrets/one`);
    expect((await copy('contributor')).copyStatus).toBe('success');
    expect(await refusalOf(copy('proofs-reader'))).toEqual(NO_RIGHT);
  });

  test('without a role, or with those for queues and tables, everything is 403', async () => {
    for (const who of ['stranger', 'queue-owner']) {
      expect(await refusalOf(blobOf(as(who)).download())).toEqual(NO_RIGHT);
      expect(await refusalOf(blobOf(as(who), 'proofs', 'x').upload('x', 1))).toEqual(NO_RIGHT);
    }
  });

  test('a batch: each of its requests by its own token', async () => {
    const names = ['b1', 'b2', 'b3'];
    for (const name of names) await blobOf(byKey, 'proofs', name).upload('x', 1);
    const urls = (client: BlobServiceClient) => names.map((name) => blobOf(client, 'proofs', name).url);
    const { credential } = as('contributor');
    const reader = as('reader').credential;
    const batches = as('contributor').getBlobBatchClient();
    const batch = batches.createBatch();
    const [first = '', second = '', third = ''] = urls(as('contributor'));
    await batch.deleteBlob(first, credential);
    await batch.deleteBlob(second, reader);
    await batch.deleteBlob(third, credential);
    const answer = await batches.submitBatch(batch);
    expect(answer.subResponses.map(({ status }) => status)).toEqual([202, 403, 202]);
    expect(await Promise.all(names.map((name) => blobOf(byKey, 'proofs', name).exists()))).toEqual([
      false,
      true,
      false,
    ]);
    const refused = as('reader').getBlobBatchClient();
    expect(await refusalOf(refused.deleteBlobs([second], reader))).toEqual(NO_RIGHT);
  });

  test('a batch: a request in it without a token is refused by itself, one above 4 MB as a whole', async () => {
    const post = async (body: string) =>
      fetch(`${address()}/?comp=batch`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await identity.tokenFor('owner', { audience: AUDIENCE })}`,
          'content-type': 'multipart/mixed; boundary=b',
          'x-ms-version': '2021-12-02',
        },
        body,
      });
    const part = ['--b', 'Content-Type: application/http', 'Content-ID: 0', ''];
    const request = ['DELETE /devstoreaccount1/proofs/one HTTP/1.1', 'x-ms-date: now', '', '--b--', ''];
    const answer = await post([...part, ...request].join('\r\n'));
    expect([answer.status, (await answer.text()).includes('HTTP/1.1 403')]).toEqual([202, true]);
    expect(await blobOf(byKey).exists()).toBe(true);
    const large = await post('x'.repeat(4 * 1024 * 1024 + 1));
    expect([large.status, large.headers.get('x-ms-error-code')]).toEqual([413, 'RequestBodyTooLarge']);
  });

  test('not supported with a token: access policies and user delegation keys, 501', async () => {
    const client = as('owner');
    const container = client.getContainerClient('proofs');
    const calls: (() => Promise<unknown>)[] = [
      () => container.getAccessPolicy(),
      () => container.setAccessPolicy('blob'),
      () => client.getUserDelegationKey(new Date(), new Date(Date.now() + 60_000)),
    ];
    for (const ask of calls) expect(await refusalOf(ask())).toEqual([501, 'NotImplemented', undefined]);
  });
});

describe('a token that is not taken', () => {
  const INVALID = [401, 'InvalidAuthenticationInfo'];

  test('for another audience', async () => {
    const blob = blobOf(as('owner', { audience: 'https://other.test' }));
    expect(await refusalOf(blob.download())).toEqual([
      ...INVALID,
      'Audience validation failed. Audience did not match.',
    ]);
  });

  test('that has expired', async () => {
    expect(await refusalOf(blobOf(as('owner', { ttl: -60 })).upload('x', 1))).toEqual([
      ...INVALID,
      'Lifetime validation failed. The token is expired.',
    ]);
  });

  test('of another issuer, with its own key or with ours', async () => {
    for (const [dataDir, detail] of [
      ['foreign', 'Signature validation failed.'],
      ['identity', 'Issuer validation failed. Issuer did not match.'],
    ] as const) {
      await using other = await startIssuer(join(folder, dataDir));
      const client = clientWith(() => other.tokenFor('owner', { audience: AUDIENCE }));
      expect(await refusalOf(blobOf(client).download())).toEqual([...INVALID, detail]);
    }
  });

  test.each(['nonsense', 'a.b.c', ''])('that is none: "%s"', async (token) => {
    const client = clientWith(() => Promise.resolve(token));
    expect((await refusalOf(blobOf(client).download())).slice(0, 2)).toEqual(INVALID);
  });

  test('whose words were changed', async () => {
    const [head = '', , signature = ''] = (await identity.tokenFor('reader', { audience: AUDIENCE })).split(
      '.',
    );
    const claims = { iss: identity.issuer, aud: AUDIENCE, sub: 'owner', exp: 9_999_999_999 };
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const client = clientWith(() => Promise.resolve(`${head}.${body}.${signature}`));
    expect(await refusalOf(blobOf(client).upload('x', 1))).toEqual([
      ...INVALID,
      'Signature validation failed.',
    ]);
  });

  test('is asked for again by the SDK, because the answer is a challenge', async () => {
    const tenants: (string | undefined)[] = [];
    const client = clientWith((tenantId) => {
      tenants.push(tenantId);
      return identity.tokenFor('reader', { audience: AUDIENCE, ttl: tenantId === undefined ? -60 : 60 });
    });
    expect((await blobOf(client).getProperties()).contentLength).toBe(4);
    expect(tenants).toEqual([undefined, '00000000-0000-0000-0000-000000000000']);
  });

  test('without TLS', async () => {
    const [, plain = ''] = /BlobEndpoint=([^;]+)/.exec(server.connectionString) ?? [];
    const token = await identity.tokenFor('owner', { audience: AUDIENCE });
    const response = await fetch(`${plain}/proofs/one`, {
      headers: { authorization: `Bearer ${token}`, 'x-ms-version': '2021-12-02' },
    });
    expect(response.status).toBe(403);
  });

  test('while the issuer cannot be asked is 503, which the SDK repeats', async () => {
    const silent = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await using alone = await startStorage({
      port: 0,
      dataDir: join(folder, 'alone'),
      tokens: tokensOf(issuer),
    });
    const token = await identity.tokenFor('owner', { audience: AUDIENCE });
    const response = await fetch(`${alone.tokenEndpoints.blob}/proofs/one`, {
      headers: { authorization: `Bearer ${token}` },
    });
    silent.close();
    expect([response.status, response.headers.get('x-ms-error-code')]).toEqual([503, 'ServerBusy']);
  });
});

describe('the listener with TLS', () => {
  test('is there only where it is asked for', async () => {
    await using plain = await startStorage({ port: 0, dataDir: join(folder, 'plain'), queue: { port: 0 } });
    expect(plain.tokenEndpoints).toEqual({});
    expect(Object.keys(server.tokenEndpoints)).toEqual(['blob']);
  });

  test('without credentials answers 401 and where to get them, a public container included', async () => {
    await byKey.createContainer('public', { access: 'blob' });
    await blobOf(byKey, 'public').upload('x', 1);
    const response = await fetch(`${address()}/public/one`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer authorization_uri=${identity.issuer}/00000000-0000-0000-0000-000000000000/oauth2/authorize resource_id=${AUDIENCE}`,
    );
    expect(await response.text()).toContain('<Code>NoAuthenticationInformation</Code>');
  });

  test('takes the key, too', async () => {
    const secure = server.connectionString
      .replace('DefaultEndpointsProtocol=http;', 'DefaultEndpointsProtocol=https;')
      .replace(/BlobEndpoint=[^;]+/, `BlobEndpoint=${address()}`);
    const client = BlobServiceClient.fromConnectionString(secure, ONCE);
    expect((await blobOf(client).downloadToBuffer()).toString()).toBe('kept');
  });

  test.each(['/', '/other/proofs/one', '/devstoreaccount1/%E0%A4%A'])('knows no %s: 400', async (path) => {
    const token = await identity.tokenFor('owner', { audience: AUDIENCE });
    const response = await fetch(`${new URL(address()).origin}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([response.status, response.headers.get('x-ms-error-code')]).toEqual([400, 'InvalidUri']);
  });
});
