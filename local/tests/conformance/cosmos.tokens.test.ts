import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChangeFeedStartFrom, type Container, CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, openAuthority } from '../../certificates.ts';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';
import { createTokenVerifier } from '../../cosmos/tokens.ts';
import { type IdentityServer, startIdentity } from '../../identity/server.ts';

const AUDIENCE = 'https://cosmos.test';
let folder: string;
let identity: IdentityServer;
let authority: Authority;
let server: CosmosServer;
const clients: CosmosClient[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cosmos-tokens-'));
  authority = openAuthority(join(folder, 'tls'));
  identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: [AUDIENCE, 'https://other.test'],
    principals: ['writer', 'reader', 'stranger'].map((id) => ({ id, name: id, roles: [] })),
  });
  server = await startCosmos({
    port: 0,
    dataDir: join(folder, 'data'),
    tls: authority.issue(),
    verifyToken: createTokenVerifier({
      issuer: identity.issuer,
      audience: AUDIENCE,
      roles: { writer: { orders: 'write', '*': 'read' }, reader: { orders: 'read' } },
    }),
  });
  const owner = new CosmosClient({ endpoint: server.endpoint, key: server.key });
  clients.push(owner);
  const { database } = await owner.databases.create({ id: 'db' });
  for (const id of ['orders', 'secrets']) {
    const { container } = await database.containers.create({ id, partitionKey: { paths: ['/pk'] } });
    await container.items.create({ id: 'a', pk: 'p' });
  }
});

afterAll(async () => {
  for (const client of clients) client.dispose();
  await server.close();
  await identity.close();
  await rm(folder, { recursive: true });
});

function connect(getToken: () => Promise<string>): CosmosClient {
  const client = new CosmosClient({
    endpoint: `https://localhost:${server.tlsPort}/`,
    aadCredentials: {
      getToken: async () => ({ token: await getToken(), expiresOnTimestamp: Date.now() + 60_000 }),
    },
    agent: new Agent({ ca: authority.certificate, keepAlive: true }),
    connectionPolicy: { enableEndpointDiscovery: false, enableBackgroundEndpointRefreshing: false },
  });
  clients.push(client);
  return client;
}

const as = (who: string, container: string, audience = AUDIENCE): Container =>
  connect(() => identity.tokenFor(who, { audience }))
    .database('db')
    .container(container);

const codeOf = (work: Promise<{ statusCode?: number }>) =>
  work.then(
    ({ statusCode }) => statusCode,
    (error: { code?: number }) => error.code,
  );

describe('cosmos: Entra tokens and roles', () => {
  test('the role of a data contributor reads and writes', async () => {
    const orders = as('writer', 'orders');
    expect((await orders.items.upsert({ id: 'b', pk: 'p' })).statusCode).toBe(201);
    expect((await orders.item('a', 'p').read()).statusCode).toBe(200);
    expect((await orders.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()).resources).toEqual([2]);
    const { result } = await orders.items.batch([{ operationType: 'Delete', id: 'b' }], 'p');
    expect(result?.[0]?.statusCode).toBe(204);
  });

  test('the role of a data reader reads, queries and follows the change feed, and is 403 on every write', async () => {
    const orders = as('reader', 'orders');
    expect(await codeOf(orders.item('a', 'p').read())).toBe(200);
    expect((await orders.items.query('SELECT VALUE c.id FROM c').fetchAll()).resources).toContain('a');
    const changes = orders.items.getChangeFeedIterator({
      changeFeedStartFrom: ChangeFeedStartFrom.Beginning('p'),
    });
    expect((await changes.readNext()).statusCode).toBe(200);
    expect(await codeOf(orders.items.create({ id: 'x', pk: 'p' }))).toBe(403);
    expect(await codeOf(orders.item('a', 'p').patch([{ op: 'set', path: '/n', value: 1 }]))).toBe(403);
    expect(await codeOf(orders.item('a', 'p').delete())).toBe(403);
    await expect(orders.items.batch([{ operationType: 'Delete', id: 'a' }], 'p')).rejects.toThrow(/no right/);
  });

  test('a role for another container is 403', async () => {
    expect(await codeOf(as('reader', 'secrets').item('a', 'p').read())).toBe(403);
    expect(await codeOf(as('writer', 'secrets').item('a', 'p').read())).toBe(200);
    expect(await codeOf(as('writer', 'secrets').items.upsert({ id: 'a', pk: 'p' }))).toBe(403);
  });

  test('a principal without any role is 403', async () => {
    expect(await codeOf(as('stranger', 'orders').item('a', 'p').read())).toBe(403);
  });

  test('a token makes no databases and containers: 403 and sub-status 5300', async () => {
    const client = connect(() => identity.tokenFor('writer', { audience: AUDIENCE }));
    await expect(client.databases.create({ id: 'mine' })).rejects.toMatchObject({
      code: 403,
      substatus: 5300,
    });
    expect(
      await codeOf(client.database('db').containers.create({ id: 'mine', partitionKey: { paths: ['/pk'] } })),
    ).toBe(403);
  });

  test('a token for another audience, or none at all, is 401', async () => {
    expect(await codeOf(as('writer', 'orders', 'https://other.test').item('a', 'p').read())).toBe(401);
    const nonsense = connect(() => Promise.resolve('nonsense'));
    expect(await codeOf(nonsense.database('db').container('orders').item('a', 'p').read())).toBe(401);
  });
  test('a token without TLS is 401', async () => {
    const token = await identity.tokenFor('writer', { audience: AUDIENCE });
    const answer = await fetch(`${server.endpoint}dbs/db/colls/orders/docs/a`, {
      headers: {
        authorization: encodeURIComponent(`type=aad&ver=1.0&sig=${token}`),
        'x-ms-documentdb-partitionkey': '["p"]',
      },
    });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'Unauthorized' });
  });

  test('the key is taken on the TLS listener, too', async () => {
    const client = new CosmosClient({
      endpoint: `https://localhost:${server.tlsPort}/`,
      key: server.key,
      agent: new Agent({ ca: authority.certificate }),
    });
    clients.push(client);
    const { resource } = await client.getDatabaseAccount();
    expect(resource?.writableLocations[0]?.databaseAccountEndpoint).toBe(
      `https://localhost:${server.tlsPort}/`,
    );
  });
});
