/**
 * The query engine against a naive evaluation of the same language: random documents and queries, asked through Microsoft's SDK,
 * within one partition (with filters handed to SQLite, and pages) and over all of them (by query plan).
 * `FUZZ_RUNS` sets the number of queries, `FUZZ_SEED` repeats a run.
 */
import type { Container, SqlQuerySpec } from '@azure/cosmos';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from '../support/cosmos.ts';
import { documents, PARTITIONS, shapes, textOf } from './cosmos.generators.ts';
import { type Aggregate, fingerprint, rowsOf, type Shape, type Tree } from './cosmos.naive.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const QUERIES_PER_CONTAINER = 25;
const SYSTEM = ['_rid', '_self', '_etag', '_ts', '_attachments'];

let harness: Harness;
let containers = 0;

beforeAll(async () => {
  harness = await startHarness({ partitionRanges: 3 });
});

afterAll(() => harness.close());

interface Question {
  readonly shape: Shape;
  /** A partition, or all of them. */
  readonly partition: number | undefined;
  readonly page: number;
}

const question: fc.Arbitrary<Question> = fc.record({
  shape: shapes,
  partition: fc.constantFrom(0, 0, 0, 0, 1, undefined),
  page: fc.constantFrom(-1, 1, 3),
});

const ascending = (path: string) => ({ path, order: 'ascending' as const });
const descending = (path: string) => ({ path, order: 'descending' as const });
/** What the generator orders by: pairs of k, l and n, and n with the id. */
const INDEXED = {
  compositeIndexes: ['/k', '/l', '/n']
    .flatMap((one) => ['/k', '/l', '/n', '/id'].map((other) => [one, other] as const))
    .filter(([one, other]) => one !== other)
    .flatMap(([one, other]) => [
      [ascending(one), ascending(other)],
      [ascending(one), descending(other)],
    ]),
};

async function fill(list: readonly { partition: number; document: object }[]) {
  const id = `fuzz${containers++}`;
  const container = await harness.container({
    id,
    partitionKey: { paths: ['/pk'] },
    indexingPolicy: INDEXED,
  });
  const items = list.map(({ partition, document }, at) => ({
    ...document,
    id: `i${at}`,
    pk: `p${partition}`,
  }));
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const resources = items.filter(({ pk }) => pk === `p${partition}`);
    const operations = resources.map((resourceBody) => ({ operationType: 'Create' as const, resourceBody }));
    if (operations.length === 0) continue;
    expect((await container.items.batch(operations as never, `p${partition}`)).code).toBe(200);
  }
  return { container, items };
}

/**
 * Over partitions the SDK orders values of one type alone, so only `n` is ordered by, where it is a number; the id makes the order
 * total. Without one the rows come in any order, and a window of them would be any rows. It also fails where it merges the least
 * or greatest of anything but numbers and texts.
 */
function overPartitions(given: Shape): Shape {
  const shape = { ...given, select: ofNumbers(given.select) };
  const { window: _window, top: _top, orderBy, where, ...rest } = shape;
  const { kind } = shape.select;
  const byNumber = orderBy.filter(({ path: [, , keys] }) => keys[0] === 'n');
  if (byNumber.length === 0 || shape.distinct || kind === 'aggregate' || kind === 'group')
    return { ...rest, ...(where ? { where } : {}), orderBy: [] };
  const isNumber: Tree = ['call', 'IS_NUMBER', [['path', 'c', ['n']]]];
  return {
    ...shape,
    where: where ? ['binary', 'AND', isNumber, where] : isNumber,
    orderBy: [...byNumber, { path: ['path', 'c', ['id']], descending: false }],
  };
}

function ofNumbers(select: Shape['select']): Shape['select'] {
  const number = ({ name, of }: Aggregate): Aggregate => ({
    name,
    of: name === 'COUNT' ? of : ['choice', ['call', 'IS_NUMBER', [of]], of, ['undefined']],
  });
  if (select.kind === 'aggregate') return { ...select, aggregate: number(select.aggregate) };
  if (select.kind !== 'group') return select;
  return { ...select, aggregates: select.aggregates.map(([name, each]) => [name, number(each)] as const) };
}

/**
 * What can be compared of rows that the SDK merges: among distinct ones it loses what JavaScript holds for false, and an
 * aggregate that is undefined in one range becomes null, 0 or NaN, so that such a field says nothing.
 */
function comparable(
  { distinct, select }: Shape,
  wanted: readonly unknown[],
): (rows: readonly unknown[]) => readonly unknown[] {
  if (distinct) return (rows) => rows.filter(Boolean);
  if (select.kind === 'aggregate') return (rows) => (wanted.length === 0 ? [] : rows);
  if (select.kind !== 'group') return (rows) => rows;
  const vague = new Set<string>(
    select.aggregates
      .map(([name]) => name)
      .filter((name) => !wanted.every((row) => Object.hasOwn(row as object, name))),
  );
  return (rows) =>
    rows.map((row) => Object.fromEntries(Object.entries(row as object).filter(([name]) => !vague.has(name))));
}

async function ask(
  container: Container,
  text: SqlQuerySpec,
  partition: number | undefined,
  page: number,
): Promise<unknown[]> {
  const options = {
    ...(partition === undefined ? {} : { partitionKey: `p${partition}` }),
    ...(page > 0 ? { maxItemCount: page } : {}),
  };
  return (await container.items.query(text, options).fetchAll()).resources
    .filter((row) => !isNothing(row))
    .map(withoutSystem);
}

/** Where the SDK adds up what is undefined it has NaN. */
const isNothing = (value: unknown) => value === undefined || Number.isNaN(value);

function withoutSystem(row: unknown): unknown {
  if (row === null || typeof row !== 'object' || Array.isArray(row)) return row;
  const fields = Object.entries(row).filter(([name, value]) => !isNothing(value) && !SYSTEM.includes(name));
  return Object.fromEntries(fields);
}

describe('the query engine', () => {
  test(
    `answers ${RUNS} random queries as the naive evaluation does (seed ${SEED})`,
    async () => {
      let [asked, answered] = [0, 0];
      await fc.assert(
        fc.asyncProperty(
          documents,
          fc.array(question, { minLength: QUERIES_PER_CONTAINER, maxLength: QUERIES_PER_CONTAINER }),
          async (list, questions) => {
            const { container, items } = await fill(list);
            for (const { shape, partition, page } of questions) {
              const whole = partition === undefined ? overPartitions(shape) : shape;
              const text = textOf(whole);
              const wanted = rowsOf(
                whole,
                items.filter(({ pk }) => partition === undefined || pk === `p${partition}`),
              );
              const found = await ask(container, text as SqlQuerySpec, partition, page).catch(
                (error: unknown) => {
                  throw new Error(`${text.query} ${JSON.stringify(text.parameters)}`, { cause: error });
                },
              );
              const isOrdered = partition !== undefined || whole.orderBy.length > 0;
              const kept = partition === undefined ? comparable(whole, wanted) : undefined;
              const prints = (rows: readonly unknown[]) => {
                const all = (kept?.(rows) ?? rows).map(fingerprint);
                return isOrdered ? all : all.sort();
              };
              expect(
                prints(found),
                `${text.query} ${JSON.stringify(text.parameters)} in ${partition ?? 'all'}`,
              ).toEqual(prints(wanted));
              asked += 1;
              if (wanted.length > 0) answered += 1;
            }
            await container.delete();
          },
        ),
        { numRuns: Math.ceil(RUNS / QUERIES_PER_CONTAINER), seed: SEED, endOnFailure: false },
      );
      expect(asked).toBeGreaterThanOrEqual(RUNS);
      // Queries that nothing answers would show little.
      expect(answered / asked).toBeGreaterThan(0.3);
    },
    60_000 + RUNS * 50,
  );
});
