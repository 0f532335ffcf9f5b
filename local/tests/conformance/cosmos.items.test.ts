import { type Container, PartitionKeyBuilder } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, failureOf, type Harness, rowsOf, startHarness } from '../support/cosmos.ts';

let harness: Harness;
let container: Container;

beforeAll(async () => {
  harness = await startHarness();
  container = await harness.container({ id: 'items', partitionKey: { paths: ['/pk'] } });
});

afterAll(() => harness.close());

describe('cosmos: account, databases and containers', () => {
  test('the account names its writable and readable locations', async () => {
    const { resource } = await harness.client.getDatabaseAccount();
    expect(resource?.writableLocations[0]?.databaseAccountEndpoint).toBe(harness.server.endpoint);
    expect(resource?.readableLocations).toHaveLength(1);
    expect(resource?.consistencyPolicy).toBe('Session');
  });

  test('a database is created, read, listed, queried and deleted', async () => {
    const { database, statusCode } = await harness.client.databases.create({ id: 'other' });
    expect(statusCode).toBe(201);
    expect((await database.read()).resource?.id).toBe('other');
    const all = (await harness.client.databases.readAll().fetchAll()).resources.map(({ id }) => id);
    expect(all).toContain('other');
    const spec = {
      query: 'SELECT * FROM root r WHERE r.id = @id',
      parameters: [{ name: '@id', value: 'other' }],
    };
    expect((await harness.client.databases.query(spec).fetchAll()).resources).toHaveLength(1);
    expect((await database.delete()).statusCode).toBe(204);
    expect(await codeOf(database.read())).toBe(404);
  });

  test('a database that exists is 409 on create and found by createIfNotExists', async () => {
    expect(await codeOf(harness.client.databases.create({ id: 'conformance' }))).toBe(409);
    expect((await harness.client.databases.createIfNotExists({ id: 'conformance' })).statusCode).toBe(200);
  });

  test('a container is created, read, listed, queried and deleted with its items', async () => {
    const made = await harness.database.containers.create({ id: 'short', partitionKey: { paths: ['/pk'] } });
    expect(made.resource).toMatchObject({
      id: 'short',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
    });
    await made.container.items.create({ id: 'a', pk: 'p' });
    const listed = (await harness.database.containers.readAll().fetchAll()).resources.map(({ id }) => id);
    expect(listed).toContain('short');
    const found = await harness.database.containers
      .query({ query: "SELECT c.id FROM c WHERE STARTSWITH(c.id, 'sho')" })
      .fetchAll();
    expect(found.resources).toEqual([{ id: 'short' }]);
    expect((await made.container.delete()).statusCode).toBe(204);
    const again = await harness.database.containers.create({ id: 'short', partitionKey: { paths: ['/pk'] } });
    expect((await again.container.items.readAll().fetchAll()).resources).toEqual([]);
    await again.container.delete();
  });

  test('a container that exists is 409 on create', async () => {
    const again = harness.database.containers.create({ id: 'items', partitionKey: { paths: ['/pk'] } });
    expect(await codeOf(again)).toBe(409);
  });

  test('a container keeps the indexing policy and default TTL that it was made with', async () => {
    const made = await harness.container({
      id: 'policies',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 100,
      indexingPolicy: { indexingMode: 'none', automatic: false },
    });
    expect((await made.read()).resource).toMatchObject({
      defaultTtl: 100,
      indexingPolicy: { indexingMode: 'none', automatic: false },
    });
  });

  test('a container is replaced with another TTL, but not with another partition key', async () => {
    const made = await harness.container({ id: 'replaced', partitionKey: { paths: ['/pk'] } });
    const { resource } = await made.replace({
      id: 'replaced',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 5,
    });
    expect(resource?.defaultTtl).toBe(5);
    expect(await codeOf(made.replace({ id: 'replaced', partitionKey: { paths: ['/other'] } }))).toBe(400);
  });

  test('an item of a container that is not there is 404', async () => {
    const nowhere = harness.database.container('nowhere');
    expect(await codeOf(nowhere.items.create({ id: 'a', pk: 'p' }))).toBe(404);
    expect(await codeOf(nowhere.read())).toBe(404);
  });

  test('the offer of a container can be read', async () => {
    expect((await container.readOffer()).resource?.content?.offerThroughput).toBe(400);
  });

  test('the feed ranges of a container can be read', async () => {
    expect(await container.getFeedRanges()).toHaveLength(2);
  });
});

describe('cosmos: items', () => {
  test('create answers 201 with the system properties', async () => {
    const { resource, statusCode, etag } = await container.items.create({ id: 'new', pk: 'p', n: 1 });
    expect(statusCode).toBe(201);
    expect(resource).toMatchObject({ id: 'new', pk: 'p', n: 1, _etag: etag });
    expect(Object.keys(resource ?? {})).toEqual(
      expect.arrayContaining(['_rid', '_self', '_etag', '_ts', '_attachments']),
    );
    expect(Buffer.from(String(resource?._rid).replaceAll('-', '/'), 'base64')).toHaveLength(16);
  });

  test('the SDK makes an id where none is given', async () => {
    const { resource } = await container.items.create({ pk: 'p' });
    expect(resource?.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('create of an id that exists in the partition is 409', async () => {
    await container.items.create({ id: 'twice', pk: 'p' });
    expect(await codeOf(container.items.create({ id: 'twice', pk: 'p' }))).toBe(409);
  });

  test('the same id is free in another partition', async () => {
    await container.items.create({ id: 'same', pk: 'p1' });
    expect((await container.items.create({ id: 'same', pk: 'p2' })).statusCode).toBe(201);
  });

  test('read of an item that is not there answers 404 and no resource', async () => {
    const { statusCode, resource } = await container.item('nothing', 'p').read();
    expect([statusCode, resource]).toEqual([404, undefined]);
  });

  test('read in the wrong partition is 404', async () => {
    await container.items.create({ id: 'elsewhere', pk: 'here' });
    expect((await container.item('elsewhere', 'there').read()).statusCode).toBe(404);
  });

  test('read with If-None-Match of the current etag answers 304', async () => {
    const { etag } = await container.items.create({ id: 'cached', pk: 'p' });
    const same = { accessCondition: { type: 'IfNoneMatch', condition: etag } };
    expect((await container.item('cached', 'p').read(same)).statusCode).toBe(304);
    await container.items.upsert({ id: 'cached', pk: 'p', n: 2 });
    expect((await container.item('cached', 'p').read(same)).statusCode).toBe(200);
  });

  test('upsert answers 201 for a new item and 200 for a known one', async () => {
    expect((await container.items.upsert({ id: 'up', pk: 'p', n: 1 })).statusCode).toBe(201);
    expect((await container.items.upsert({ id: 'up', pk: 'p', n: 2 })).statusCode).toBe(200);
    expect((await container.item('up', 'p').read()).resource).toMatchObject({ n: 2 });
  });

  test('upsert with an outdated etag is 412', async () => {
    const { etag } = await container.items.create({ id: 'up2', pk: 'p' });
    await container.items.upsert({ id: 'up2', pk: 'p', n: 1 });
    const stale = { accessCondition: { type: 'IfMatch', condition: etag } };
    expect(await codeOf(container.items.upsert({ id: 'up2', pk: 'p', n: 2 }, stale))).toBe(412);
  });

  test('replace swaps the whole item', async () => {
    await container.items.create({ id: 'r', pk: 'p', old: true });
    const { statusCode } = await container.item('r', 'p').replace({ id: 'r', pk: 'p', fresh: true });
    expect(statusCode).toBe(200);
    const { resource } = await container.item('r', 'p').read();
    expect(resource).toMatchObject({ fresh: true });
    expect(resource).not.toHaveProperty('old');
  });

  test('replace keeps the resource id and changes the etag', async () => {
    const { resource: before } = await container.items.create({ id: 'r2', pk: 'p' });
    const { resource: after } = await container.item('r2', 'p').replace({ id: 'r2', pk: 'p', n: 1 });
    expect(after?._rid).toBe(before?._rid);
    expect(after?._etag).not.toBe(before?._etag);
  });

  test('replace of an item that is not there is 404', async () => {
    expect(await codeOf(container.item('gone', 'p').replace({ id: 'gone', pk: 'p' }))).toBe(404);
  });

  test('replace with an outdated etag is 412, with * it goes', async () => {
    const { etag } = await container.items.create({ id: 'r3', pk: 'p' });
    await container.item('r3', 'p').replace({ id: 'r3', pk: 'p', n: 1 });
    const stale = { accessCondition: { type: 'IfMatch', condition: etag } };
    expect(await codeOf(container.item('r3', 'p').replace({ id: 'r3', pk: 'p', n: 2 }, stale))).toBe(412);
    const any = { accessCondition: { type: 'IfMatch', condition: '*' } };
    expect((await container.item('r3', 'p').replace({ id: 'r3', pk: 'p', n: 3 }, any)).statusCode).toBe(200);
  });

  test('of two replaces with the same etag one wins and one is 412', async () => {
    const { etag } = await container.items.create({ id: 'race', pk: 'p' });
    const condition = { accessCondition: { type: 'IfMatch', condition: etag } };
    const both = await Promise.allSettled(
      [1, 2].map((n) => container.item('race', 'p').replace({ id: 'race', pk: 'p', n }, condition)),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('the id of an item cannot be changed by replace', async () => {
    await container.items.create({ id: 'fixed', pk: 'p' });
    expect(await codeOf(container.item('fixed', 'p').replace({ id: 'moved', pk: 'p' }))).toBe(400);
  });

  test('delete answers 204, and the second time 404', async () => {
    await container.items.create({ id: 'd', pk: 'p' });
    expect((await container.item('d', 'p').delete()).statusCode).toBe(204);
    expect(await codeOf(container.item('d', 'p').delete())).toBe(404);
  });

  test('delete with an outdated etag is 412', async () => {
    const { etag } = await container.items.create({ id: 'd2', pk: 'p' });
    await container.items.upsert({ id: 'd2', pk: 'p', n: 1 });
    const stale = { accessCondition: { type: 'IfMatch', condition: etag } };
    expect(await codeOf(container.item('d2', 'p').delete(stale))).toBe(412);
  });

  test.each([
    ['spaces and percent', 'a b%20c'],
    ['letters beyond ASCII', 'Zürich-東京-🚁'],
    ['quotes', `it's "quoted"`],
    ['plus, ampersand and equals', 'a+b&c=d'],
    ['dots and colons', '..urn:a:b.c'],
    ['a question mark', 'a?b=c'],
  ])('an id may have %s', async (_, id) => {
    await container.items.create({ id, pk: 'ids', n: 1 });
    expect((await container.item(id, 'ids').read()).resource).toMatchObject({ id, n: 1 });
    expect((await container.item(id, 'ids').replace({ id, pk: 'ids', n: 2 })).resource).toMatchObject({
      n: 2,
    });
    expect((await container.item(id, 'ids').delete()).statusCode).toBe(204);
  });

  test.each([
    ['a slash', 'a/b'],
    ['a backslash', 'a\\b'],
    ['a hash', 'a#b'],
  ])('an id with %s is refused', async (_, id) => {
    const refused = await failureOf(container.items.create({ id, pk: 'ids' }));
    expect(refused.message).not.toBe('');
  });

  test('strings, numbers, nesting, null and empty values come back as they were written', async () => {
    const value = {
      text: 'line\nbreak "quoted" \\ 東京 \u0001',
      numbers: [0, -1, 1.5, 1e21, 5e-324, 9007199254740991],
      nested: { deep: [{ a: [[]] }, {}] },
      nothing: null,
      yes: true,
      empty: '',
    };
    await container.items.create({ id: 'values', pk: 'p', ...value });
    expect((await container.item('values', 'p').read()).resource).toMatchObject(value);
  });

  test('an item of more than 2 MB is 413', async () => {
    const large = { id: 'large', pk: 'p', text: 'x'.repeat(2 * 1024 * 1024 + 1) };
    expect(await codeOf(container.items.create(large))).toBe(413);
  });

  test('readAll goes through all partitions', async () => {
    const made = await harness.container({ id: 'feed-of-items', partitionKey: { paths: ['/pk'] } });
    await Promise.all([1, 2, 3, 4, 5].map((n) => made.items.create({ id: `i${n}`, pk: `p${n}` })));
    const { resources } = await made.items.readAll({ maxItemCount: 2 }).fetchAll();
    expect(new Set(resources.map(({ id }) => id))).toEqual(new Set(['i1', 'i2', 'i3', 'i4', 'i5']));
  });

  test('a charge, an activity id and a session token come with each answer', async () => {
    const response = await container.items.create({ id: 'charged', pk: 'p' });
    expect(response.requestCharge).toBeGreaterThan(0);
    expect(response.activityId).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers['x-ms-session-token']).toMatch(/^0:-1#\d+$/);
  });

  test('a point read of 1 KB is charged 1 RU, its write more', async () => {
    const written = await container.items.create({ id: 'kb', pk: 'p', text: 'x'.repeat(700) });
    const read = await container.item('kb', 'p').read();
    expect(read.requestCharge).toBe(1);
    expect(written.requestCharge).toBe(5.5);
  });

  test('replacing, upserting and patching are charged twice what creating is, deleting as much', async () => {
    const created = await container.items.create({ id: 'doubled', pk: 'p', n: 1 });
    const item = container.item('doubled', 'p');
    const replaced = await item.replace({ id: 'doubled', pk: 'p', n: 2 });
    const upserted = await container.items.upsert({ id: 'doubled', pk: 'p', n: 3 });
    const patched = await item.patch([{ op: 'incr', path: '/n', value: 1 }]);
    for (const { requestCharge } of [replaced, upserted, patched])
      expect(requestCharge).toBe(2 * created.requestCharge);
    expect((await item.delete()).requestCharge).toBe(created.requestCharge);
  });

  test('100 KB are charged ten times 1 KB', async () => {
    const written = await container.items.create({
      id: 'large',
      pk: 'p',
      text: 'x'.repeat(100 * 1024 - 100),
    });
    const read = await container.item('large', 'p').read();
    expect(read.requestCharge).toBe(10);
    expect(written.requestCharge).toBe(55);
  });

  test('a query is charged 2.3 RU and what it reads', async () => {
    const small = await container.items
      .query("SELECT VALUE c.n FROM c WHERE c.id = 'nobody'", { partitionKey: 'p' })
      .fetchAll();
    const whole = await container.items.query('SELECT * FROM c', { partitionKey: 'p' }).fetchAll();
    expect(small.requestCharge).toBeGreaterThanOrEqual(2.3);
    expect(whole.requestCharge).toBeGreaterThan(small.requestCharge);
  });

  test('an upsert with an etag of an item that is not there is 412', async () => {
    const options = { accessCondition: { type: 'IfMatch', condition: '"x"' } };
    expect(await codeOf(container.items.upsert({ id: 'never', pk: 'p' }, options))).toBe(412);
  });

  test('a request of more than 4 MB is 413, and the connection lives on', async () => {
    const item = { id: 'huge', pk: 'p', text: 'x'.repeat(5 * 1024 * 1024) };
    expect(await codeOf(container.items.create(item))).toBe(413);
    expect((await container.item('huge', 'p').read()).statusCode).toBe(404);
  });
});

describe('cosmos: partition keys', () => {
  test.each<[string, string | number | boolean | null]>([
    ['a number', 5],
    ['a fraction', -1.25],
    ['a boolean', true],
    ['null', null],
    ['an empty string', ''],
    ['letters beyond ASCII', 'Zürich 東京'],
  ])('can be %s', async (title, pk) => {
    await container.items.create({ id: `pk ${title}`, pk });
    expect((await container.item(`pk ${title}`, pk).read()).resource).toMatchObject({ pk });
    expect(await rowsOf(container, 'SELECT VALUE c.id FROM c', {}, pk)).toContain(`pk ${title}`);
  });

  test('can be absent, and the item is then read with None', async () => {
    await container.items.create({ id: 'absent' });
    expect((await container.item('absent', undefined).read()).resource).toMatchObject({ id: 'absent' });
    expect((await container.item('absent', null).read()).statusCode).toBe(404);
  });

  test('a number and its text are two keys', async () => {
    await container.items.create({ id: 'typed', pk: 7 });
    expect((await container.item('typed', '7').read()).statusCode).toBe(404);
  });

  test('an item whose key is not the one of the request is refused with 400 and sub-status 1001', async () => {
    await container.items.create({ id: 'mine', pk: 'p' });
    const failure = await failureOf(container.item('mine', 'p').replace({ id: 'mine', pk: 'q' }));
    expect(failure).toMatchObject({ code: 400, substatus: 1001 });
  });

  test('can lie within a nested object', async () => {
    const nested = await harness.container({ id: 'nested-key', partitionKey: { paths: ['/owner/id'] } });
    await nested.items.create({ id: 'a', owner: { id: 'o1' } });
    expect((await nested.item('a', 'o1').read()).resource).toMatchObject({ id: 'a' });
  });

  describe('of several levels', () => {
    let levels: Container;

    beforeAll(async () => {
      levels = await harness.container({
        id: 'levels',
        partitionKey: { paths: ['/tenant', '/user', '/session'], kind: 'MultiHash' as never, version: 2 },
      });
      for (const [tenant, user, session] of [
        ['t1', 'u1', 's1'],
        ['t1', 'u1', 's2'],
        ['t1', 'u2', 's3'],
        ['t11', 'u1', 's4'],
        ['t2', 'u1', 's5'],
      ] as const)
        await levels.items.create({ id: session, tenant, user, session });
    });

    test('address an item by all of its levels', async () => {
      expect((await levels.item('s1', ['t1', 'u1', 's1']).read()).resource).toMatchObject({ id: 's1' });
      const key = new PartitionKeyBuilder().addValue('t1').addValue('u2').addValue('s3').build();
      expect((await levels.item('s3', key).read()).resource).toMatchObject({ id: 's3' });
    });

    test('do not mix up items of other keys', async () => {
      expect((await levels.item('s1', ['t1', 'u2', 's1']).read()).statusCode).toBe(404);
    });

    test('are asked by all levels', async () => {
      expect(await rowsOf(levels, 'SELECT VALUE c.id FROM c', {}, ['t1', 'u1', 's2'])).toEqual(['s2']);
    });

    test('are asked by the first levels alone', async () => {
      const rows = (key: string[]) => rowsOf(levels, 'SELECT VALUE c.id FROM c', {}, key);
      expect(await rows(['t1'])).toEqual(['s1', 's2', 's3']);
      expect(await rows(['t1', 'u1'])).toEqual(['s1', 's2']);
      expect(await rows(['t3'])).toEqual([]);
    });

    test('are asked by the first level with ORDER BY and aggregates', async () => {
      expect(await rowsOf(levels, 'SELECT VALUE c.id FROM c ORDER BY c.id DESC', {}, ['t1'])).toEqual([
        's3',
        's2',
        's1',
      ]);
      expect(await rowsOf(levels, 'SELECT VALUE COUNT(1) FROM c', {}, ['t1'])).toEqual([3]);
    });

    test('address no item by their first levels alone: 400 and sub-status 1001', async () => {
      const failure = await failureOf(levels.item('s1', ['t1', 'u1']).read());
      expect(failure).toMatchObject({ code: 400, substatus: 1001 });
    });

    test('may have levels that are null or absent', async () => {
      await levels.items.create({ id: 'n', tenant: 't9', user: null, session: 's' });
      await levels.items.create({ id: 'u', tenant: 't9' });
      expect((await levels.item('n', ['t9', null, 's'] as never).read()).statusCode).toBe(200);
      const key = new PartitionKeyBuilder().addValue('t9').addNoneValue().addNoneValue().build();
      expect((await levels.item('u', key).read()).statusCode).toBe(200);
      expect(await rowsOf(levels, 'SELECT VALUE c.id FROM c', {}, ['t9'])).toHaveLength(2);
    });

    test('take a batch', async () => {
      const { result } = await levels.items.batch(
        [{ operationType: 'Create', resourceBody: { id: 'b', tenant: 't5', user: 'u', session: 's' } }],
        ['t5', 'u', 's'],
      );
      expect(result?.[0]?.statusCode).toBe(201);
    });
  });
});

describe('cosmos: unique keys', () => {
  let unique: Container;

  beforeAll(async () => {
    unique = await harness.container({
      id: 'unique',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: -1,
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/mail'] }, { paths: ['/first', '/last'] }] },
    });
  });

  test('a second item with the same value is 409', async () => {
    await unique.items.create({ id: 'a', pk: 'p', mail: 'x@y', first: 'A', last: 'B' });
    expect(await codeOf(unique.items.create({ id: 'b', pk: 'p', mail: 'x@y', first: 'C', last: 'D' }))).toBe(
      409,
    );
    expect(await codeOf(unique.items.upsert({ id: 'b', pk: 'p', mail: 'x@y', first: 'C', last: 'D' }))).toBe(
      409,
    );
  });

  test('several paths are unique together', async () => {
    await unique.items.create({ id: 'c', pk: 'p2', mail: '1', first: 'A', last: 'B' });
    await unique.items.create({ id: 'd', pk: 'p2', mail: '2', first: 'A', last: 'C' });
    const third = unique.items.create({ id: 'e', pk: 'p2', mail: '3', first: 'A', last: 'B' });
    expect(await codeOf(third)).toBe(409);
  });

  test('hold within a partition only', async () => {
    await unique.items.create({ id: 'f', pk: 'p3', mail: 'same', first: '1', last: '1' });
    expect(
      (await unique.items.create({ id: 'f', pk: 'p4', mail: 'same', first: '1', last: '1' })).statusCode,
    ).toBe(201);
  });

  test('are free again after a delete', async () => {
    await unique.items.create({ id: 'g', pk: 'p5', mail: 'm', first: '1', last: '1' });
    await unique.item('g', 'p5').delete();
    expect(
      (await unique.items.create({ id: 'h', pk: 'p5', mail: 'm', first: '1', last: '1' })).statusCode,
    ).toBe(201);
  });

  test('are free again when the item has expired', async () => {
    await unique.items.create({ id: 'i', pk: 'p6', mail: 'm', first: '1', last: '1', ttl: 10 });
    harness.advance(11_000);
    expect(
      (await unique.items.create({ id: 'j', pk: 'p6', mail: 'm', first: '1', last: '1' })).statusCode,
    ).toBe(201);
  });

  test('an item may be replaced with its own value', async () => {
    await unique.items.create({ id: 'k', pk: 'p7', mail: 'm', first: '1', last: '1' });
    const again = unique
      .item('k', 'p7')
      .replace({ id: 'k', pk: 'p7', mail: 'm', first: '1', last: '1', n: 2 });
    expect((await again).statusCode).toBe(200);
  });

  test('an absent value is a value, too', async () => {
    await unique.items.create({ id: 'x', pk: 'p9', first: '1', last: '1' });
    expect(await codeOf(unique.items.create({ id: 'y', pk: 'p9', first: '2', last: '2' }))).toBe(409);
  });

  test('of a container cannot be changed', async () => {
    const { resource } = await unique.read();
    const changed = unique.replace({
      ...resource,
      id: unique.id,
      uniqueKeyPolicy: { uniqueKeys: [] },
    });
    expect(await codeOf(changed)).toBe(400);
  });

  test('a refused write leaves the old item and its value', async () => {
    await unique.items.create({ id: 'l', pk: 'p8', mail: 'one', first: '1', last: '1' });
    await unique.items.create({ id: 'm', pk: 'p8', mail: 'two', first: '2', last: '2' });
    const clash = unique.item('m', 'p8').replace({ id: 'm', pk: 'p8', mail: 'one', first: '2', last: '2' });
    expect(await codeOf(clash)).toBe(409);
    expect((await unique.item('m', 'p8').read()).resource).toMatchObject({ mail: 'two' });
    expect(await codeOf(unique.items.create({ id: 'n', pk: 'p8', mail: 'two', first: '3', last: '3' }))).toBe(
      409,
    );
  });
});

describe('cosmos: time to live', () => {
  test("an item goes after its own ttl, others stay by the container's -1", async () => {
    const made = await harness.container({
      id: 'ttl-item',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: -1,
    });
    await made.items.create({ id: 'short', pk: 'p', ttl: 60 });
    await made.items.create({ id: 'long', pk: 'p' });
    harness.advance(61_000);
    expect((await made.item('short', 'p').read()).statusCode).toBe(404);
    expect(await rowsOf(made, 'SELECT VALUE c.id FROM c', {}, 'p')).toEqual(['long']);
  });

  test("an item goes after the container's ttl unless its own is longer or -1", async () => {
    const made = await harness.container({
      id: 'ttl-container',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 30,
    });
    await made.items.create({ id: 'default', pk: 'p' });
    await made.items.create({ id: 'longer', pk: 'p', ttl: 90 });
    await made.items.create({ id: 'forever', pk: 'p', ttl: -1 });
    harness.advance(31_000);
    expect(await rowsOf(made, 'SELECT VALUE c.id FROM c ORDER BY c.id', {}, 'p')).toEqual([
      'forever',
      'longer',
    ]);
    harness.advance(60_000);
    expect(await rowsOf(made, 'SELECT VALUE c.id FROM c', {}, 'p')).toEqual(['forever']);
  });

  test('a write starts the time again', async () => {
    const made = await harness.container({
      id: 'ttl-renew',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 30,
    });
    await made.items.create({ id: 'a', pk: 'p' });
    harness.advance(20_000);
    await made.items.upsert({ id: 'a', pk: 'p' });
    harness.advance(20_000);
    expect((await made.item('a', 'p').read()).statusCode).toBe(200);
  });

  test('the id of an expired item can be created again', async () => {
    const made = await harness.container({
      id: 'ttl-again',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 30,
    });
    await made.items.create({ id: 'a', pk: 'p', n: 1 });
    harness.advance(31_000);
    expect((await made.items.create({ id: 'a', pk: 'p', n: 2 })).statusCode).toBe(201);
  });

  test('an item ttl is ignored where the container has none', async () => {
    const made = await harness.container({ id: 'ttl-off', partitionKey: { paths: ['/pk'] } });
    await made.items.create({ id: 'a', pk: 'p', ttl: 1 });
    harness.advance(5_000);
    expect((await made.item('a', 'p').read()).statusCode).toBe(200);
  });

  test('a changed default of the container counts for items that are there', async () => {
    const made = await harness.container({ id: 'ttl-changed', partitionKey: { paths: ['/pk'] } });
    await made.items.create({ id: 'a', pk: 'p' });
    await made.items.create({ id: 'b', pk: 'p', ttl: 500 });
    await made.replace({ id: 'ttl-changed', partitionKey: { paths: ['/pk'] }, defaultTtl: 30 });
    harness.advance(31_000);
    expect(await rowsOf(made, 'SELECT VALUE c.id FROM c', {}, 'p')).toEqual(['b']);
  });

  test.each([0, -2, 1.5])('a ttl of %s is 400', async (ttl) => {
    const made = await harness.container({ id: 'ttl-bad', partitionKey: { paths: ['/pk'] }, defaultTtl: -1 });
    expect(await codeOf(made.items.create({ id: 'a', pk: 'p', ttl }))).toBe(400);
  });
});
