/** Limits of the service, one more of which is refused: https://learn.microsoft.com/azure/cosmos-db/concepts-limits */
import type { Container } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, failureOf, type Harness, rowsOf, startHarness } from '../support/cosmos.ts';

let harness: Harness;
let container: Container;

beforeAll(async () => {
  harness = await startHarness();
  container = await harness.container({ id: 'limits', partitionKey: { paths: ['/pk'] } });
  for (const pk of ['a', 'b', 'c', 'd'])
    for (const [id, region] of [
      ['1', 'north'],
      ['2', 'south'],
    ] as const)
      await container.items.create({
        id: `${pk}${id}`,
        pk,
        region,
        value: 1,
        shelf: { type: 'Point', coordinates: [300, 400] },
      });
});
afterAll(() => harness.close());

/** Arrays within each other; the item itself is the first level. */
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels - 1) + ']'.repeat(levels - 1));

describe('cosmos: limits of items and containers', () => {
  test.each([
    ['an id of 1,023 bytes', { id: 'é'.repeat(511), pk: 'p' }, 201],
    ['an id of more than 1,023 bytes', { id: 'é'.repeat(512), pk: 'p' }, 400],
    ['a partition key of 2,048 bytes', { id: 'long-key', pk: 'k'.repeat(2_048) }, 201],
    ['a partition key of more than 2,048 bytes', { id: 'longer-key', pk: 'k'.repeat(2_049) }, 400],
    ['128 levels of nesting', { id: 'deep', pk: 'p', nested: nested(128) }, 201],
    ['129 levels of nesting', { id: 'deeper', pk: 'p', nested: nested(129) }, 400],
    ['brackets in a text, which do not nest', { id: 'text', pk: 'p', text: '[{"\\"'.repeat(200) }, 201],
  ])('%s: %o', async (_, item, expected) => {
    const status = await container.items.create(item).then(
      ({ statusCode }) => statusCode,
      (error: { code: number }) => error.code,
    );
    expect(status).toBe(expected);
  });

  test('a time to live has at most 2,147,483,647 seconds', async () => {
    const timed = await harness.container({
      id: 'timed',
      partitionKey: { paths: ['/pk'] },
      defaultTtl: 2_147_483_647,
    });
    expect((await timed.items.create({ id: '1', pk: 'p', ttl: 2_147_483_647 })).statusCode).toBe(201);
    expect(await codeOf(timed.items.create({ id: '2', pk: 'p', ttl: 2_147_483_648 }))).toBe(400);
    expect(
      await codeOf(
        harness.container({ id: 'x', partitionKey: { paths: ['/pk'] }, defaultTtl: 2_147_483_648 }),
      ),
    ).toBe(400);
  });

  test.each([
    ['of more than 255 characters', 'x'.repeat(256)],
    ['with a space at its end', 'x '],
    ['with a hash', 'x#'],
  ])('the id of a container %s is 400', async (_, id) => {
    const definition = { id, partitionKey: { paths: ['/pk'] } };
    expect((await failureOf(harness.database.containers.create(definition))).message).not.toBe('');
  });

  test.each([
    ['more than 10 constraints', Array.from({ length: 11 }, (_, n) => ({ paths: [`/p${n}`] })), 400],
    ['10 constraints', Array.from({ length: 10 }, (_, n) => ({ paths: [`/p${n}`] })), undefined],
    ['more than 16 paths', [{ paths: Array.from({ length: 17 }, (_, n) => `/p${n}`) }], 400],
  ])('unique keys of %s', async (title, uniqueKeys, expected) => {
    const definition = {
      id: `unique ${title.length}${uniqueKeys.length}`,
      partitionKey: { paths: ['/pk'] },
      uniqueKeyPolicy: { uniqueKeys },
    };
    const code = await harness.container(definition).then(
      () => undefined,
      (error: { code: number }) => error.code,
    );
    expect(code).toBe(expected);
  });
});

describe('cosmos: limits of queries', () => {
  const joins = (count: number) => Array.from({ length: count }, (_, n) => `JOIN j${n} IN c.none`).join(' ');
  const chain = (word: string, count: number) =>
    Array.from({ length: count + 1 }, () => 'c.id = "x"').join(` ${word} `);
  const values = (count: number) => Array.from({ length: count }, (_, n) => n).join(',');

  test.each([
    ['10 JOINs', `SELECT VALUE 1 FROM c ${joins(10)}`, undefined],
    ['11 JOINs', `SELECT VALUE 1 FROM c ${joins(11)}`, 400],
    ['2,000 ANDs', `SELECT VALUE 1 FROM c WHERE ${chain('AND', 2_000)}`, undefined],
    ['2,001 ANDs', `SELECT VALUE 1 FROM c WHERE ${chain('AND', 2_001)}`, 400],
    ['2,001 ORs', `SELECT VALUE 1 FROM c WHERE ${chain('OR', 2_001)}`, 400],
    ['16,000 values of IN', `SELECT VALUE 1 FROM c WHERE c.n IN (${values(16_000)})`, undefined],
    ['16,001 values of IN', `SELECT VALUE 1 FROM c WHERE c.n IN (${values(16_001)})`, 400],
  ])('%s', async (_, query, expected) => {
    const code = await rowsOf(container, query, {}, 'a').then(
      () => undefined,
      (error: { code: number }) => error.code,
    );
    expect(code).toBe(expected);
  });

  test.each(['value', 'order', 'end', 'group', 'from', 'in', 'like', 'top', 'VALUE'])(
    'c.%s is 400, because the word is reserved; in brackets it is a property',
    async (word) => {
      expect(await codeOf(rowsOf(container, `SELECT VALUE c.${word} FROM c`, {}, 'a'))).toBe(400);
      const found = await rowsOf(container, `SELECT VALUE c["${word}"] FROM c`, {}, 'a');
      expect(found).toEqual(word === 'value' ? [1, 1] : []);
    },
  );
});

describe('cosmos: queries across partitions', () => {
  test('DISTINCT with ORDER BY of another property has no row twice', async () => {
    const found = await rowsOf(
      container,
      'SELECT DISTINCT c.region FROM c WHERE IS_DEFINED(c.region) ORDER BY c.id',
    );
    expect(found).toEqual([{ region: 'north' }, { region: 'south' }]);
  });

  test.each([
    ['SELECT DISTINCT VALUE c.region FROM c ORDER BY c.region', ['north', 'south']],
    ['SELECT DISTINCT VALUE c.region FROM c ORDER BY c.region DESC', ['south', 'north']],
  ])('DISTINCT with ORDER BY of the same has no row twice, in order: %s', async (query, expected) => {
    expect(await rowsOf(container, query)).toEqual(expected);
  });

  test.each([
    ['DISTINCT', 'SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.region FROM c)'],
    ['GROUP BY', 'SELECT VALUE COUNT(1) FROM (SELECT c.region FROM c GROUP BY c.region)'],
    ['an aggregate', 'SELECT VALUE x FROM (SELECT VALUE COUNT(1) FROM c) x'],
    ['TOP', 'SELECT VALUE x FROM (SELECT TOP 1 VALUE c.region FROM c) x'],
    ['OFFSET LIMIT', 'SELECT VALUE x FROM (SELECT VALUE c.region FROM c OFFSET 0 LIMIT 1) x'],
  ])('a subquery with %s in FROM is 400, never a sum over the ranges', async (_, query) => {
    expect(await codeOf(rowsOf(container, query))).toBe(400);
  });

  test('within one partition a subquery with DISTINCT in FROM is counted', async () => {
    const query = 'SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.region FROM c)';
    expect(await rowsOf(container, query, {}, 'a')).toEqual([2]);
  });

  test('a subquery in FROM that looks at one document each is allowed', async () => {
    const query = 'SELECT VALUE x FROM (SELECT VALUE c.region FROM c WHERE c.id = "a1") x';
    expect(await rowsOf(container, query)).toEqual(['north']);
  });
});

describe('cosmos: spatial functions', () => {
  const query =
    'SELECT VALUE ST_DISTANCE(c.shelf, {"type": "Point", "coordinates": [0, 0]}) FROM c WHERE c.id = "a1"';

  test('a container has the geospatialConfig Geography where nothing is said', async () => {
    const { resource } = await container.read();
    expect(resource?.geospatialConfig).toEqual({ type: 'Geography' });
    expect(await rowsOf(container, query, {}, 'a')).toEqual([]);
  });

  test('a container of Geometry measures on the plane', async () => {
    const definition = {
      id: 'plane',
      partitionKey: { paths: ['/pk'] },
      geospatialConfig: { type: 'Geometry' as never },
    };
    const plane = await harness.container(definition);
    expect((await plane.read()).resource?.geospatialConfig).toEqual({ type: 'Geometry' });
    await plane.items.create({ id: 'a1', pk: 'a', shelf: { type: 'Point', coordinates: [300, 400] } });
    expect(await rowsOf(plane, query, {}, 'a')).toEqual([500]);
    const square = '{"type": "Polygon", "coordinates": [[[0, 0], [600, 0], [600, 600], [0, 600], [0, 0]]]}';
    expect(
      await rowsOf(plane, `SELECT VALUE [ST_WITHIN(c.shelf, ${square}), ST_AREA(${square})] FROM c`, {}, 'a'),
    ).toEqual([[true, 360_000]]);
  });

  test('another type of geospatialConfig is 400', async () => {
    const definition = {
      id: 'sphere',
      partitionKey: { paths: ['/pk'] },
      geospatialConfig: { type: 'Sphere' as never },
    };
    expect(await codeOf(harness.container(definition))).toBe(400);
  });
});

describe('cosmos: quota and query metrics', () => {
  test('populateQuotaInfo brings quota, usage and the progress of the index', async () => {
    const { headers } = await container.read({ populateQuotaInfo: true });
    expect(headers).toMatchObject({
      'x-ms-resource-quota': expect.stringMatching(/documentsSize=\d+;documentsCount=-1;/) as string,
      'x-ms-resource-usage': expect.stringMatching(/documentsCount=[1-9]\d*;collectionSize=[1-9]/) as string,
      'x-ms-documentdb-collection-index-transformation-progress': '100',
    });
    expect((await container.read()).headers).not.toHaveProperty('x-ms-resource-usage');
  });

  test('populateQueryMetrics counts what was read and what came out', async () => {
    const options = { partitionKey: 'a', populateQueryMetrics: true };
    const page = await container.items
      .query('SELECT * FROM c WHERE c.region = "north" AND LOWER(c.id) = "a1"', options)
      .fetchNext();
    expect((page.queryMetrics as unknown as Record<string, object>)['0']).toMatchObject({
      retrievedDocumentCount: 1,
      retrievedDocumentSize: expect.any(Number) as number,
      outputDocumentCount: 1,
    });
  });
});

describe('cosmos: unique keys', () => {
  test('the key of an item that was deleted is free again', async () => {
    const unique = await harness.container({
      id: 'unique',
      partitionKey: { paths: ['/pk'] },
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/code'] }] },
    });
    await unique.items.create({ id: '1', pk: 'p', code: 'x' });
    expect(await codeOf(unique.items.create({ id: '2', pk: 'p', code: 'x' }))).toBe(409);
    await unique.item('1', 'p').delete();
    expect((await unique.items.create({ id: '3', pk: 'p', code: 'x' })).statusCode).toBe(201);
  });
});

describe('cosmos: names that JavaScript knows', () => {
  test('a property that an object only inherits is undefined', async () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect(await rowsOf(container, `SELECT VALUE c["${name}"] FROM c`, {}, 'a')).toEqual([]);
  });

  test('__proto__ is an alias like any other', async () => {
    expect(
      JSON.stringify(await rowsOf(container, 'SELECT c.pk AS __proto__ FROM c WHERE c.id = "a1"', {}, 'a')),
    ).toBe('[{"__proto__":"a"}]');
  });

  test.each([
    ['undefined IN (1, undefined)', []],
    ['1 IN (undefined, 1)', [true]],
    ["'a' || 1", []],
  ])('%s', async (expression, expected) => {
    expect(await rowsOf(container, `SELECT VALUE ${expression}`, {}, 'a')).toEqual(expected);
  });
});
