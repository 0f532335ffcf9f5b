import {
  type BulkOperationResponse,
  type Container,
  type OperationInput,
  type PatchOperation,
} from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, failureOf, type Harness, startHarness } from '../support/cosmos.ts';

let harness: Harness;
let container: Container;

beforeAll(async () => {
  harness = await startHarness();
  container = await harness.container({ id: 'writes', partitionKey: { paths: ['/pk'] } });
});

afterAll(() => harness.close());

describe('cosmos: patch', () => {
  const start = { n: 1, text: 'a', list: ['x', 'y'], nested: { deep: { n: 1 } }, nothing: null };
  let count = 0;

  async function patched(operations: PatchOperation[]): Promise<unknown> {
    const id = `patch${count++}`;
    await container.items.create({ id, pk: 'p', ...start });
    const { resource, statusCode } = await container.item(id, 'p').patch<Record<string, unknown>>(operations);
    expect(statusCode).toBe(200);
    expect((await container.item(id, 'p').read()).resource).toEqual(resource);
    const {
      _rid,
      _self,
      _etag,
      _ts,
      _attachments,
      id: _id,
      pk: _pk,
      ...rest
    } = resource as Record<string, unknown>;
    return rest;
  }

  test.each<[string, PatchOperation[], Record<string, unknown>]>([
    ['add makes a property', [{ op: 'add', path: '/fresh', value: 5 }], { ...start, fresh: 5 }],
    ['add replaces a property that is there', [{ op: 'add', path: '/n', value: 9 }], { ...start, n: 9 }],
    [
      'add inserts into an array',
      [{ op: 'add', path: '/list/1', value: 'z' }],
      { ...start, list: ['x', 'z', 'y'] },
    ],
    ['add appends with -', [{ op: 'add', path: '/list/-', value: 'z' }], { ...start, list: ['x', 'y', 'z'] }],
    [
      'add appends at the length',
      [{ op: 'add', path: '/list/2', value: 'z' }],
      { ...start, list: ['x', 'y', 'z'] },
    ],
    [
      'set makes and replaces properties',
      [
        { op: 'set', path: '/n', value: null },
        { op: 'set', path: '/o', value: {} },
      ],
      { ...start, n: null, o: {} },
    ],
    [
      'set replaces an element of an array',
      [{ op: 'set', path: '/list/0', value: 'z' }],
      { ...start, list: ['z', 'y'] },
    ],
    [
      'set reaches nested objects',
      [{ op: 'set', path: '/nested/deep/m', value: 2 }],
      { ...start, nested: { deep: { n: 1, m: 2 } } },
    ],
    [
      'replace needs the property to be there',
      [{ op: 'replace', path: '/text', value: 'b' }],
      { ...start, text: 'b' },
    ],
    ['remove takes a property away', [{ op: 'remove', path: '/nested/deep' }], { ...start, nested: {} }],
    [
      'remove takes an element out of an array',
      [{ op: 'remove', path: '/list/0' }],
      { ...start, list: ['y'] },
    ],
    [
      'remove takes null away, too',
      [{ op: 'remove', path: '/nothing' }],
      { n: 1, text: 'a', list: ['x', 'y'], nested: { deep: { n: 1 } } },
    ],
    ['incr adds to a number', [{ op: 'incr', path: '/n', value: -3 }], { ...start, n: -2 }],
    ['incr takes fractions', [{ op: 'incr', path: '/n', value: 0.5 }], { ...start, n: 1.5 }],
    [
      'incr makes a property that is not there',
      [{ op: 'incr', path: '/count', value: 2 }],
      { ...start, count: 2 },
    ],
    [
      'move takes a value elsewhere',
      [{ op: 'move', from: '/nested/deep', path: '/deep' } as unknown as PatchOperation],
      { ...start, nested: {}, deep: { n: 1 } },
    ],
    [
      'operations see what those before them did',
      [
        { op: 'add', path: '/a', value: {} },
        { op: 'set', path: '/a/b', value: 1 },
        { op: 'incr', path: '/a/b', value: 1 },
      ],
      { ...start, a: { b: 2 } },
    ],
    [
      'a path may have escaped slashes and tildes',
      [{ op: 'set', path: '/a~1b~0c', value: 1 }],
      { ...start, 'a/b~c': 1 },
    ],
  ])('%s', async (_, operations, expected) => {
    expect(await patched(operations)).toEqual(expected);
  });

  test.each<[string, PatchOperation[]]>([
    ['replace of what is not there', [{ op: 'replace', path: '/missing', value: 1 }]],
    ['remove of what is not there', [{ op: 'remove', path: '/missing' }]],
    ['set below what is not there', [{ op: 'set', path: '/missing/a', value: 1 }]],
    ['incr of a text', [{ op: 'incr', path: '/text', value: 1 }]],
    ['add outside of an array', [{ op: 'add', path: '/list/7', value: 1 }]],
    ['an array index that is no number', [{ op: 'set', path: '/list/a', value: 1 }]],
    ['a change of the id', [{ op: 'set', path: '/id', value: 'other' }]],
    ['a change of the partition key', [{ op: 'set', path: '/pk', value: 'other' }]],
    ['a change of a system property', [{ op: 'set', path: '/_ts', value: 1 }]],
    ['a path without its slash', [{ op: 'set', path: 'n', value: 1 }]],
    ['eleven operations', Array.from({ length: 11 }, () => ({ op: 'incr' as const, path: '/n', value: 1 }))],
    ['no operation', []],
    ['an operation that does not exist', [{ op: 'test', path: '/n', value: 1 } as unknown as PatchOperation]],
  ])('%s is 400 and changes nothing', async (_, operations) => {
    const id = `refused${count++}`;
    const { etag } = await container.items.create({ id, pk: 'p', ...start });
    expect(await codeOf(container.item(id, 'p').patch(operations))).toBe(400);
    expect((await container.item(id, 'p').read()).etag).toBe(etag);
  });

  test('one bad operation rolls back those before it', async () => {
    await container.items.create({ id: 'half', pk: 'p', n: 1 });
    const operations: PatchOperation[] = [
      { op: 'set', path: '/n', value: 2 },
      { op: 'remove', path: '/missing' },
    ];
    expect(await codeOf(container.item('half', 'p').patch(operations))).toBe(400);
    expect((await container.item('half', 'p').read()).resource).toMatchObject({ n: 1 });
  });

  test('of an item that is not there is 404', async () => {
    expect(await codeOf(container.item('none', 'p').patch([{ op: 'set', path: '/n', value: 1 }]))).toBe(404);
  });

  test('with a condition that holds goes, with one that does not it is 412', async () => {
    await container.items.create({ id: 'conditional', pk: 'p', state: 'free' });
    const take = () =>
      container.item('conditional', 'p').patch({
        condition: "from c where c.state = 'free' and c._ts > 0",
        operations: [{ op: 'set', path: '/state', value: 'taken' }],
      });
    expect((await take()).statusCode).toBe(200);
    expect(await codeOf(take())).toBe(412);
  });

  test('with an outdated etag is 412', async () => {
    const { etag } = await container.items.create({ id: 'etag', pk: 'p', n: 1 });
    const option = { accessCondition: { type: 'IfMatch', condition: etag } };
    const patch = () => container.item('etag', 'p').patch([{ op: 'incr', path: '/n', value: 1 }], option);
    expect((await patch()).statusCode).toBe(200);
    expect(await codeOf(patch())).toBe(412);
  });

  test('increments at once all count', async () => {
    await container.items.create({ id: 'counter', pk: 'p', n: 0 });
    await Promise.all(
      Array.from({ length: 20 }, () =>
        container.item('counter', 'p').patch([{ op: 'incr', path: '/n', value: 1 }]),
      ),
    );
    expect((await container.item('counter', 'p').read()).resource).toMatchObject({ n: 20 });
  });
});

describe('cosmos: transactional batch', () => {
  const codes = async (operations: OperationInput[], pk = 'b') =>
    (await container.items.batch(operations, pk)).result?.map(({ statusCode }) => statusCode);

  test('creates, upserts, reads, replaces, patches and deletes in one go', async () => {
    await container.items.create({ id: 'old', pk: 'b', n: 1 });
    const { code, result } = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: { id: 'made', pk: 'b' } },
        { operationType: 'Upsert', resourceBody: { id: 'upserted', pk: 'b' } },
        { operationType: 'Read', id: 'old' },
        { operationType: 'Replace', id: 'made', resourceBody: { id: 'made', pk: 'b', n: 2 } },
        {
          operationType: 'Patch',
          id: 'old',
          resourceBody: { operations: [{ op: 'incr', path: '/n', value: 5 }] },
        },
        { operationType: 'Delete', id: 'upserted' },
      ],
      'b',
    );
    expect(code).toBe(200);
    expect(result?.map(({ statusCode }) => statusCode)).toEqual([201, 201, 200, 200, 200, 204]);
    expect(result?.[2]?.resourceBody).toMatchObject({ id: 'old', n: 1 });
    expect((await container.item('old', 'b').read()).resource).toMatchObject({ n: 6 });
    expect((await container.item('upserted', 'b').read()).statusCode).toBe(404);
  });

  test('a failing operation has its own code, all others 424, and nothing is stored', async () => {
    const response = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: { id: 'x1', pk: 'b' } },
        { operationType: 'Delete', id: 'not there' },
        { operationType: 'Create', resourceBody: { id: 'x2', pk: 'b' } },
      ],
      'b',
    );
    expect(response.code).toBe(207);
    expect(response.result?.map(({ statusCode }) => statusCode)).toEqual([424, 404, 424]);
    expect((await container.item('x1', 'b').read()).statusCode).toBe(404);
  });

  test('an operation with an outdated etag fails the batch with 412', async () => {
    const { etag } = await container.items.create({ id: 'guarded', pk: 'b' });
    await container.items.upsert({ id: 'guarded', pk: 'b', n: 1 });
    expect(
      await codes([
        { operationType: 'Create', resourceBody: { id: 'x3', pk: 'b' } },
        {
          operationType: 'Replace',
          id: 'guarded',
          ifMatch: etag,
          resourceBody: { id: 'guarded', pk: 'b', n: 2 },
        },
      ]),
    ).toEqual([424, 412]);
  });

  test('a patch with a condition that does not hold fails the batch with 412', async () => {
    await container.items.create({ id: 'state', pk: 'b', state: 'taken' });
    const resourceBody = {
      condition: "from c where c.state = 'free'",
      operations: [{ op: 'set' as const, path: '/state', value: 'x' }],
    };
    expect(await codes([{ operationType: 'Patch', id: 'state', resourceBody }])).toEqual([412]);
  });

  test('an item of another partition fails the batch', async () => {
    const result = await codes([{ operationType: 'Create', resourceBody: { id: 'x4', pk: 'elsewhere' } }]);
    expect(result).toEqual([400]);
  });

  test('takes a hundred operations, and 400 for one more', async () => {
    const creates = (count: number, from: string): OperationInput[] =>
      Array.from({ length: count }, (_, n) => ({
        operationType: 'Create',
        resourceBody: { id: `${from}${n}`, pk: 'b' },
      }));
    expect(await codes(creates(100, 'many'))).toHaveLength(100);
    expect((await failureOf(container.items.batch(creates(101, 'more'), 'b'))).message).toMatch(
      /100|more operations/,
    );
  });

  test('of more than 2 MB is 413', async () => {
    const creates: OperationInput[] = [1, 2, 3].map((n) => ({
      operationType: 'Create',
      resourceBody: { id: `large${n}`, pk: 'b', text: 'x'.repeat(800_000) },
    }));
    expect((await failureOf(container.items.batch(creates, 'b'))).message).toMatch(/too large/i);
    expect((await container.item('large1', 'b').read()).statusCode).toBe(404);
  });

  test('each result has the etag that the item then has', async () => {
    const { result } = await container.items.batch(
      [{ operationType: 'Upsert', resourceBody: { id: 'tagged', pk: 'b' } }],
      'b',
    );
    expect((await container.item('tagged', 'b').read()).etag).toBe(result?.[0]?.eTag);
  });
});

describe('cosmos: bulk', () => {
  const codesOf = (responses: BulkOperationResponse) => responses.map(({ statusCode }) => statusCode);

  test('has a result for each operation, in their order, over several partitions', async () => {
    await container.items.create({ id: 'known', pk: 'k1' });
    const responses = await container.items.bulk([
      { operationType: 'Create', resourceBody: { id: 'n1', pk: 'k1' } },
      { operationType: 'Create', resourceBody: { id: 'known', pk: 'k1' } },
      { operationType: 'Upsert', resourceBody: { id: 'n2', pk: 'k2' } },
      { operationType: 'Read', id: 'known', partitionKey: 'k1' },
      { operationType: 'Delete', id: 'missing', partitionKey: 'k3' },
    ]);
    expect(codesOf(responses)).toEqual([201, 409, 201, 200, 404]);
    expect((await container.item('n1', 'k1').read()).statusCode).toBe(200);
  });

  test('executeBulkOperations takes thousands of operations', async () => {
    const operations = Array.from({ length: 1_500 }, (_, n) => ({
      operationType: 'Create' as const,
      partitionKey: `many${n % 50}`,
      resourceBody: { id: `m${n}`, pk: `many${n % 50}`, n },
    }));
    const results = await container.items.executeBulkOperations(operations);
    expect(results.map(({ response }) => response?.statusCode)).toEqual(operations.map(() => 201));
    const { resources } = await container.items
      .query("SELECT VALUE COUNT(1) FROM c WHERE STARTSWITH(c.pk, 'many')")
      .fetchAll();
    expect(resources).toEqual([1_500]);
  });

  test('patches and replaces by condition, each for itself', async () => {
    const { etag } = await container.items.create({ id: 'each', pk: 'e', n: 1 });
    const responses = await container.items.bulk([
      {
        operationType: 'Patch',
        id: 'each',
        partitionKey: 'e',
        resourceBody: { operations: [{ op: 'incr', path: '/n', value: 1 }] },
      },
      {
        operationType: 'Replace',
        id: 'each',
        partitionKey: 'e',
        ifMatch: etag,
        resourceBody: { id: 'each', pk: 'e', n: 9 },
      },
    ]);
    expect(codesOf(responses)).toEqual([200, 412]);
  });
});

describe('cosmos: faults on demand', () => {
  test('a throttled write is repeated by the SDK after the time it was told', async () => {
    harness.server.faults.add({
      kind: 'throttle',
      container: 'writes',
      operation: 'create',
      count: 2,
      retryAfterMs: 5,
    });
    const response = await container.items.create({ id: 'throttled', pk: 'f' });
    expect(response.statusCode).toBe(201);
    expect(response.headers['x-ms-throttle-retry-count']).toBe(2);
  });

  test('throttled for good it is 429 with its time', async () => {
    harness.server.faults.add({ kind: 'throttle', operation: 'read', retryAfterMs: 1 });
    const failure = await container
      .item('throttled', 'f')
      .read()
      .then(
        () => undefined,
        (error: { code?: number; retryAfterInMs?: number }) => error,
      );
    harness.server.faults.clear();
    expect(failure).toMatchObject({ code: 429, retryAfterInMs: 1 });
  });

  test('449 reaches the caller', async () => {
    harness.server.faults.add({ kind: 'retryWith', operation: 'patch', count: 1 });
    const patch = () => container.item('throttled', 'f').patch([{ op: 'set', path: '/n', value: 1 }]);
    expect(await codeOf(patch())).toBe(449);
    expect((await patch()).statusCode).toBe(200);
  });

  test('408 reaches the caller of a write', async () => {
    harness.server.faults.add({ kind: 'timeout', operation: 'create', count: 1 });
    expect(await codeOf(container.items.create({ id: 'slow', pk: 'f' }))).toBe(408);
    harness.server.faults.clear();
  });

  test('503 reaches the caller when it stays', async () => {
    harness.server.faults.add({ kind: 'unavailable', operation: 'replace' });
    const replace = container.item('throttled', 'f').replace({ id: 'throttled', pk: 'f' });
    const { code } = await failureOf(replace);
    harness.server.faults.clear();
    expect(code).toBe(503);
  });

  test('a connection that is cut after the write leaves the write', async () => {
    harness.server.faults.add({ kind: 'drop', operation: 'create', count: 1 });
    const outcome = await container.items.create({ id: 'cut', pk: 'f' }).then(
      ({ statusCode }) => statusCode,
      (error: { code?: number | string }) => error.code,
    );
    harness.server.faults.clear();
    expect(outcome).not.toBe(201);
    expect((await container.item('cut', 'f').read()).statusCode).toBe(200);
  });

  test('meet the container and operation that they are for, and no other', async () => {
    harness.server.faults.add({ kind: 'unavailable', container: 'another' });
    harness.server.faults.add({ kind: 'unavailable', container: 'writes', operation: 'delete' });
    expect((await container.items.create({ id: 'spared', pk: 'f' })).statusCode).toBe(201);
    expect(await codeOf(container.item('spared', 'f').delete())).toBe(503);
    harness.server.faults.clear();
    expect((await container.item('spared', 'f').delete()).statusCode).toBe(204);
  });

  test('a delay holds an answer back', async () => {
    harness.server.faults.add({ kind: 'delay', operation: 'read', count: 1, delayMs: 60 });
    const started = performance.now();
    await container.item('throttled', 'f').read();
    expect(performance.now() - started).toBeGreaterThan(50);
  });
});
