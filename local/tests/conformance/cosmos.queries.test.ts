import type { Container } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, rowsOf, startHarness } from '../support/cosmos.ts';
import { type Case, ids, is, refused, rows, table as tableOf } from './cosmos.cases.ts';

let harness: Harness;
let container: Container;

const DRONES = [
  {
    id: 'd1',
    name: 'Ada',
    weight: 2.5,
    state: 'idle',
    tags: ['red', 'fast'],
    base: { city: 'Zürich', level: 1 },
  },
  {
    id: 'd2',
    name: 'Bea',
    weight: 4,
    state: 'flying',
    tags: ['blue'],
    base: { city: 'Bern', level: 2 },
    pilot: null,
  },
  {
    id: 'd3',
    name: 'Cid',
    weight: 1,
    state: 'idle',
    tags: [],
    base: { city: 'Zürich', level: 3 },
    pilot: 'Kim',
  },
  {
    id: 'd4',
    name: 'Dan',
    weight: 8,
    state: 'broken',
    tags: ['red', 'old', 'red'],
    repairs: [
      { at: '2026-01-01', cost: 10 },
      { at: '2026-02-01', cost: 30 },
    ],
  },
  {
    id: 'd5',
    name: 'eve',
    weight: 4,
    state: 'flying',
    tags: ['fast', 'blue'],
    repairs: [{ at: '2026-03-01', cost: 5 }],
  },
];

beforeAll(async () => {
  harness = await startHarness();
  container = await harness.container({
    id: 'queries',
    partitionKey: { paths: ['/pk'] },
    indexingPolicy: {
      includedPaths: [{ path: '/*' }],
      excludedPaths: [{ path: '/note/*' }, { path: '/position/height/?' }],
      compositeIndexes: [
        [
          { path: '/weight', order: 'descending' },
          { path: '/name', order: 'ascending' },
        ],
        [
          { path: '/_ts', order: 'ascending' },
          { path: '/id', order: 'ascending' },
        ],
      ],
    },
  });
  for (const drone of DRONES) await container.items.create({ ...drone, pk: 'q' });
});

afterAll(() => harness.close());

const table = (cases: readonly Case[]) => tableOf(() => container, cases);

describe('cosmos: SELECT', () => {
  table([
    rows('fields keep their names', "SELECT c.id, c.base.city FROM c WHERE c.id = 'd1'", [
      { id: 'd1', city: 'Zürich' },
    ]),
    rows('AS names a field', "SELECT c.name AS who FROM c WHERE c.id = 'd1'", [{ who: 'Ada' }]),
    rows('a field can be named without AS', "SELECT c.name who FROM c WHERE c.id = 'd1'", [{ who: 'Ada' }]),
    rows('a field that is not there is left out', "SELECT c.id, c.pilot FROM c WHERE c.id IN ('d1', 'd2')", [
      { id: 'd1' },
      { id: 'd2', pilot: null },
    ]),
    rows('expressions without a name are numbered', 'SELECT 1 + 1, 2 + 2', [{ $1: 2, $2: 4 }]),
    rows('VALUE gives bare values', "SELECT VALUE c.name FROM c WHERE c.id = 'd1'", ['Ada']),
    rows('VALUE of what is undefined gives no row', 'SELECT VALUE c.pilot FROM c', [null, 'Kim']),
    rows('objects are built', "SELECT VALUE { who: c.name, 'at': c.base.city } FROM c WHERE c.id = 'd2'", [
      { who: 'Bea', at: 'Bern' },
    ]),
    rows('arrays are built', "SELECT VALUE [c.name, c.weight, 'x'] FROM c WHERE c.id = 'd1'", [
      ['Ada', 2.5, 'x'],
    ]),
    rows('properties are reached by brackets', `SELECT VALUE c["base"]['city'] FROM c WHERE c.id = 'd1'`, [
      'Zürich',
    ]),
    rows('array elements are reached by number', "SELECT VALUE c.tags[1] FROM c WHERE c.id = 'd1'", ['fast']),
    rows('TOP takes the first rows', 'SELECT TOP 2 VALUE c.id FROM c', ['d1', 'd2']),
    rows('TOP can be a parameter', 'SELECT TOP @n VALUE c.id FROM c', ['d1'], { '@n': 1 }),
    rows('DISTINCT drops equal values', 'SELECT DISTINCT VALUE c.state FROM c', ['idle', 'flying', 'broken']),
    rows('DISTINCT compares whole objects', 'SELECT DISTINCT c.base.city FROM c', [
      { city: 'Zürich' },
      { city: 'Bern' },
      {},
    ]),
    rows('without FROM there is one row', "SELECT VALUE 'x'", ['x']),
    rows('a comment is no part of the query', "SELECT VALUE c.id -- the key\nFROM c WHERE c.id = 'd1'", [
      'd1',
    ]),
    rows('keywords may be written in any case', "select value c.id from c where c.id = 'd1' and not false", [
      'd1',
    ]),
    rows('a string may have escapes', String.raw`SELECT VALUE 'it\'s \u0041 \n'`, ["it's A \n"]),
    rows('a string may be in double quotes', 'SELECT VALUE "x"', ['x']),
    rows('numbers may be written as hexadecimal or with exponent', 'SELECT VALUE [0xFF, 1e3, .5, 1.]', [
      [255, 1000, 0.5, 1],
    ]),
  ]);

  test('* gives the item with its system properties', async () => {
    const [row] = await rowsOf(container, "SELECT * FROM c WHERE c.id = 'd1'", {}, 'q');
    expect(row).toMatchObject({ id: 'd1', name: 'Ada' });
    expect(row).toEqual((await container.item('d1', 'q').read()).resource);
  });

  test('system properties can be asked for', async () => {
    const { resource } = await container.item('d1', 'q').read();
    const [row] = await rowsOf(
      container,
      'SELECT c._ts, c._etag FROM c WHERE c._rid = @rid',
      { '@rid': resource?._rid ?? '' },
      'q',
    );
    expect(row).toEqual({ _ts: resource?._ts, _etag: resource?._etag });
  });
});

describe('cosmos: WHERE', () => {
  table([
    ids('= compares texts by case', "c.name = 'eve'", ['d5']),
    ids('= compares numbers', 'c.weight = 4', ['d2', 'd5']),
    ids('= compares null with null only', 'c.pilot = null', ['d2']),
    ids('= compares objects by content', "c.base = {'level': 2, 'city': 'Bern'}", ['d2']),
    ids('= compares arrays by content', "c.tags = ['blue']", ['d2']),
    ids('values of different types are never equal', "c.weight = '4'", []),
    ids('!= leaves out what is undefined', "c.pilot != 'Kim'", ['d2']),
    ids('<> is !=', "c.state <> 'idle'", ['d2', 'd4', 'd5']),
    ids('< and >= compare numbers', 'c.weight >= 2.5 AND c.weight < 8', ['d1', 'd2', 'd5']),
    ids('< and > compare texts by code unit', "c.name > 'Cid'", ['d4', 'd5']),
    ids('a comparison may have the constant on the left', '4 < c.weight', ['d4']),
    ids('a range does not cross types', "c.weight > 'a'", []),
    ids('BETWEEN includes both ends', 'c.weight BETWEEN 2.5 AND 4', ['d1', 'd2', 'd5']),
    ids('NOT BETWEEN is its opposite', 'c.weight NOT BETWEEN 2.5 AND 4', ['d3', 'd4']),
    ids('IN takes a list', "c.state IN ('idle', 'broken')", ['d1', 'd3', 'd4']),
    ids('NOT IN is its opposite', "c.state NOT IN ('idle', 'broken')", ['d2', 'd5']),
    ids('IN takes parameters', 'c.id IN (@a, @b)', ['d1', 'd4'], { '@a': 'd1', '@b': 'd4' }),
    ids('IN may mix types', "c.weight IN ('4', 8, null)", ['d4']),
    ids('LIKE: % is any text', "c.name LIKE 'D%'", ['d4']),
    ids('LIKE: _ is one character', "c.name LIKE '_da'", ['d1']),
    ids('LIKE: [a-c] is one of a set', "c.name LIKE '[A-B]%'", ['d1', 'd2']),
    ids('LIKE: [^a-c] is none of a set', "c.name LIKE '[^A-D]%'", ['d5']),
    ids('LIKE: ESCAPE takes a character as it is', "'100%' LIKE '%!%' ESCAPE '!' AND c.id = 'd1'", ['d1']),
    ids('NOT LIKE is its opposite', "c.name NOT LIKE '%a%'", ['d3', 'd5']),
    ids('AND binds tighter than OR', "c.id = 'd1' OR c.state = 'flying' AND c.weight = 4", [
      'd1',
      'd2',
      'd5',
    ]),
    ids('parentheses come first', "(c.id = 'd1' OR c.state = 'flying') AND c.weight = 4", ['d2', 'd5']),
    ids('NOT of undefined is undefined', "NOT (c.pilot = 'Kim')", ['d2']),
    ids(
      'a false side decides AND, a true side OR, also beside undefined',
      "(c.nothing = 1 OR c.id = 'd1') AND NOT (c.nothing = 1 AND c.id = 'd2')",
      ['d1'],
    ),
    ids('a condition that is not a boolean holds for nothing', 'c.weight', []),
    ids(
      'parameters may be texts, numbers, booleans, null and objects',
      'c.base = @base AND c.weight = @weight',
      ['d2'],
      { '@base': { city: 'Bern', level: 2 }, '@weight': 4 },
    ),
    ids('the ternary operator chooses', "(c.weight > 3 ? 'heavy' : 'light') = 'heavy'", ['d2', 'd4', 'd5']),
    ids('?? stands in for undefined but not for null', "(c.pilot ?? 'nobody') = 'nobody'", [
      'd1',
      'd4',
      'd5',
    ]),
    ids('an array element of a path is compared', 'c.repairs[0].cost = 10', ['d4']),
    ids('arithmetic is done in the condition', 'c.weight * 2 + 1 = 9', ['d2', 'd5']),
  ]);
});

describe('cosmos: operators', () => {
  table([
    is('1 + 2 * 3 - 4 / 2', 5),
    is('-(3 % 2)', -1),
    is('7 & 3 | 8 ^ 1', 11),
    is('1 << 4', 16),
    is('-16 >> 2', -4),
    is('~5', -6),
    is("'a' || 'b' || 'c'", 'abc'),
    is("1 + 'a'", undefined),
    is('1 / 0', undefined),
    is('undefined ?? 1', 1),
    is('null ?? 1', null),
    is('null = null', true),
    is('undefined = undefined', undefined),
    is('true AND undefined', undefined),
    is('false AND undefined', false),
    is('true OR undefined', true),
    is('[1, {}, [2]] = [1, {}, [2]]', true),
    is("{'a': 1, 'b': 2} = {'b': 2, 'a': 1}", true),
    is("1 = '1'", false),
    is("'a' < 'b'", true),
    is('[1] < [2]', undefined),
  ]);
});

describe('cosmos: JOIN and subqueries', () => {
  table([
    rows(
      'JOIN gives a row for each element',
      "SELECT c.id, t AS tag FROM c JOIN t IN c.tags WHERE c.id IN ('d1', 'd2')",
      [
        { id: 'd1', tag: 'red' },
        { id: 'd1', tag: 'fast' },
        { id: 'd2', tag: 'blue' },
      ],
    ),
    rows('JOIN over nothing gives no row', "SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.id = 'd3'", []),
    rows(
      'two JOINs give the product',
      "SELECT VALUE [t, r.cost] FROM c JOIN t IN c.tags JOIN r IN c.repairs WHERE c.id = 'd5'",
      [
        ['fast', 5],
        ['blue', 5],
      ],
    ),
    rows(
      'a JOIN may be filtered by both sides',
      'SELECT VALUE r.cost FROM c JOIN r IN c.repairs WHERE r.cost > c.weight',
      [10, 30, 5],
    ),
    rows('FROM x IN path iterates an array', 'SELECT VALUE r.cost FROM r IN c.repairs', [10, 30, 5]),
    rows('FROM path takes a part of each item', 'SELECT VALUE b.level FROM c.base b', [1, 2, 3]),
    rows(
      'JOIN with a subquery filters first',
      'SELECT VALUE r.cost FROM c JOIN (SELECT VALUE r FROM r IN c.repairs WHERE r.cost >= 10) AS r',
      [10, 30],
    ),
    rows(
      'EXISTS asks whether there is a row',
      "SELECT VALUE c.id FROM c WHERE EXISTS (SELECT VALUE t FROM t IN c.tags WHERE t = 'blue')",
      ['d2', 'd5'],
    ),
    rows(
      'NOT EXISTS asks whether there is none',
      'SELECT VALUE c.id FROM c WHERE NOT EXISTS (SELECT VALUE t FROM t IN c.tags)',
      ['d3'],
    ),
    rows(
      'ARRAY gathers rows',
      "SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.tags WHERE t != 'old') FROM c WHERE c.id = 'd4'",
      [['red', 'red']],
    ),
    rows(
      'a scalar subquery gives one value',
      'SELECT c.id, (SELECT VALUE COUNT(1) FROM t IN c.tags) AS tags FROM c WHERE c.weight = 4',
      [
        { id: 'd2', tags: 1 },
        { id: 'd5', tags: 2 },
      ],
    ),
    rows(
      'a scalar subquery may aggregate',
      "SELECT VALUE (SELECT VALUE SUM(r.cost) FROM r IN c.repairs) FROM c WHERE c.id = 'd4'",
      [40],
    ),
    rows(
      'subqueries may be nested',
      "SELECT VALUE c.id FROM c WHERE EXISTS (SELECT VALUE r FROM r IN c.repairs WHERE EXISTS (SELECT VALUE t FROM t IN c.tags WHERE t = 'old'))",
      ['d4'],
    ),
    rows('a subquery over constants is a table', 'SELECT VALUE x FROM (SELECT VALUE 5) AS x', [5]),
  ]);
});

describe('cosmos: ORDER BY, OFFSET and LIMIT', () => {
  table([
    rows('sorts ascending', 'SELECT VALUE c.weight FROM c ORDER BY c.weight', [1, 2.5, 4, 4, 8]),
    rows('sorts descending', 'SELECT VALUE c.id FROM c ORDER BY c.name DESC', ['d5', 'd4', 'd3', 'd2', 'd1']),
    rows('sorts by several paths', 'SELECT VALUE c.id FROM c ORDER BY c.weight DESC, c.name ASC', [
      'd4',
      'd2',
      'd5',
      'd1',
      'd3',
    ]),
    rows('sorts texts by code unit, capitals first', 'SELECT VALUE c.name FROM c ORDER BY c.name', [
      'Ada',
      'Bea',
      'Cid',
      'Dan',
      'eve',
    ]),
    rows(
      'sorts undefined before null before texts',
      'SELECT VALUE c.pilot ?? "none" FROM c ORDER BY c.pilot',
      ['none', 'none', 'none', null, 'Kim'],
    ),
    rows('sorts by a system property', 'SELECT TOP 1 VALUE c.id FROM c ORDER BY c._ts, c.id', ['d1']),
    rows('OFFSET LIMIT takes a window', 'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 2', [
      'd2',
      'd3',
    ]),
    rows(
      'OFFSET beyond the end gives nothing',
      'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 10 LIMIT 2',
      [],
    ),
    rows(
      'OFFSET and LIMIT may be parameters',
      'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET @o LIMIT @l',
      ['d5'],
      { '@o': 4, '@l': 4 },
    ),
    rows('TOP after ORDER BY takes the greatest', 'SELECT TOP 1 VALUE c.id FROM c ORDER BY c.weight DESC', [
      'd4',
    ]),
    rows('DISTINCT with ORDER BY keeps the order', 'SELECT DISTINCT VALUE c.state FROM c ORDER BY c.state', [
      'broken',
      'flying',
      'idle',
    ]),
  ]);
});

describe('cosmos: aggregates and GROUP BY', () => {
  table([
    rows('COUNT(1) counts rows', 'SELECT VALUE COUNT(1) FROM c', [5]),
    rows('COUNT of a path leaves out what is undefined', 'SELECT VALUE COUNT(c.pilot) FROM c', [2]),
    rows('SUM adds', 'SELECT VALUE SUM(c.weight) FROM c', [19.5]),
    rows('AVG divides by the rows that have a value', 'SELECT VALUE AVG(c.base.level) FROM c', [2]),
    rows('MIN and MAX find the ends', 'SELECT MIN(c.weight) AS low, MAX(c.weight) AS high FROM c', [
      { low: 1, high: 8 },
    ]),
    rows('MAX of texts', 'SELECT VALUE MAX(c.name) FROM c', ['eve']),
    rows(
      'MIN and MAX order null, booleans, numbers, texts',
      'SELECT VALUE [MIN(x), MAX(x)] FROM x IN (SELECT VALUE [1, "a", true, null])',
      [[null, 'a']],
    ),
    rows(
      'MIN and MAX of arrays and objects are undefined',
      'SELECT MIN(c.base) AS lo, MAX(c.tags) AS hi FROM c',
      [{}],
    ),
    rows('AVG over something that is no number is undefined', 'SELECT AVG(c.pilot) AS a FROM c', [{}]),
    rows(
      'AVG, MIN and MAX over nothing are undefined',
      'SELECT AVG(c.nothing) AS a, MIN(c.nothing) AS lo, MAX(c.nothing) AS hi FROM c',
      [{}],
    ),
    rows('COUNT counts null', 'SELECT VALUE COUNT(null) FROM c', [5]),
    rows('SUM over something that is no number is undefined', 'SELECT SUM(c.name) AS s FROM c', [{}]),
    rows('COUNT over nothing is 0', "SELECT VALUE COUNT(1) FROM c WHERE c.id = 'nobody'", [0]),
    rows('GROUP BY gives a row for each value', 'SELECT c.state, COUNT(1) AS n FROM c GROUP BY c.state', [
      { state: 'idle', n: 2 },
      { state: 'flying', n: 2 },
      { state: 'broken', n: 1 },
    ]),
    rows(
      'GROUP BY several paths',
      "SELECT c.state, c.weight, COUNT(1) AS n FROM c WHERE c.state = 'flying' GROUP BY c.state, c.weight",
      [{ state: 'flying', weight: 4, n: 2 }],
    ),
    rows(
      'GROUP BY with several aggregates',
      "SELECT c.state, SUM(c.weight) AS s, AVG(c.weight) AS a, MIN(c.weight) AS lo, MAX(c.weight) AS hi FROM c WHERE c.state = 'idle' GROUP BY c.state",
      [{ state: 'idle', s: 3.5, a: 1.75, lo: 1, hi: 2.5 }],
    ),
    rows(
      'GROUP BY an expression',
      'SELECT LOWER(c.name) AS name FROM c WHERE c.weight > 4 GROUP BY LOWER(c.name)',
      [{ name: 'dan' }],
    ),
    rows('undefined is a group of its own', 'SELECT c.base.city, COUNT(1) AS n FROM c GROUP BY c.base.city', [
      { city: 'Zürich', n: 2 },
      { city: 'Bern', n: 1 },
      { n: 2 },
    ]),
    rows('GROUP BY after JOIN', 'SELECT t AS tag, COUNT(1) AS n FROM c JOIN t IN c.tags GROUP BY t', [
      { tag: 'red', n: 3 },
      { tag: 'fast', n: 2 },
      { tag: 'blue', n: 2 },
      { tag: 'old', n: 1 },
    ]),
    rows('SELECT VALUE with GROUP BY', 'SELECT VALUE COUNT(1) FROM c GROUP BY c.state', [2, 2, 1]),
  ]);
});

describe('cosmos: errors of queries', () => {
  refused(() => container, /./, [
    ['a word that is none is 400', 'SELEKT * FROM c'],
    ['an open parenthesis is 400', 'SELECT VALUE (1'],
    ['a text without its end is 400', "SELECT VALUE 'a"],
    ['an empty query is 400', ''],
    ['words after the end are 400', "SELECT * FROM c WHERE c.id = 'a' garbage here"],
    ['an alias that is not known is 400', 'SELECT VALUE x.id FROM c'],
    ['a parameter without a value is 400', 'SELECT VALUE c.id FROM c WHERE c.id = @missing'],
    ['SELECT * with JOIN is 400', 'SELECT * FROM c JOIN t IN c.tags'],
    ['a negative LIMIT is 400', 'SELECT * FROM c OFFSET 0 LIMIT -1'],
    ['nesting without end is 400', `SELECT VALUE ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['a number that is not finite is 400', 'SELECT VALUE 1e400'],
    ['a query text of more than 256 KB is 400', `SELECT VALUE '${'x'.repeat(262_145)}'`],
    [
      'a JOIN of more than 250,000 rows for an item is 400',
      `SELECT VALUE 1 FROM c ${'abcdefgh'
        .split('')
        .map((x) => `JOIN ${x} IN (SELECT VALUE [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])`)
        .join(' ')}`,
    ],
    [
      'a regular expression that tries very many ways is 400',
      `SELECT VALUE REGEXMATCH('${'a'.repeat(40)}!', '^(a+)+$')`,
    ],
    ['a chain without end is 400', `SELECT VALUE ${'1+'.repeat(50_000)}1 FROM c`],
    ['an aggregate in WHERE is 400', 'SELECT VALUE c.id FROM c WHERE COUNT(1) > 0'],
    ['a function with too few arguments is 400', "SELECT VALUE CONTAINS('a')"],
    ['a function with too many arguments is 400', 'SELECT VALUE PI(1)'],
    [
      'ORDER BY of an expression is 400, as only paths have an index',
      'SELECT * FROM c ORDER BY c.weight + 1',
    ],
    ['ORDER BY of a function is 400', 'SELECT * FROM c ORDER BY LOWER(c.name)'],
    ['a field beside an aggregate that is not grouped by is 400', 'SELECT c.state, COUNT(1) AS n FROM c'],
    ['a field that is not grouped by is 400', 'SELECT c.name FROM c GROUP BY c.state'],
    ['SELECT * with GROUP BY is 400', 'SELECT * FROM c GROUP BY c.state'],
    ['a scalar subquery of several rows is 400', 'SELECT VALUE (SELECT VALUE t FROM t IN c.tags) FROM c'],
  ]);
});

describe('cosmos: ORDER BY and the indexing policy', () => {
  const withPolicy = (id: string, indexingPolicy: object) =>
    harness.container({ id, partitionKey: { paths: ['/pk'] }, indexingPolicy });

  table([
    rows(
      'a composite index serves all of its directions reversed',
      'SELECT VALUE c.id FROM c ORDER BY c.weight ASC, c.name DESC',
      ['d3', 'd1', 'd5', 'd2', 'd4'],
    ),
  ]);

  refused(() => container, /does not have a corresponding composite index/, [
    ['several paths without a composite index are 400', 'SELECT * FROM c ORDER BY c.state, c.name'],
    ['a composite index of other directions is 400', 'SELECT * FROM c ORDER BY c.weight, c.name'],
    ['a composite index in another order is 400', 'SELECT * FROM c ORDER BY c.name, c.weight DESC'],
    ['a composite index of fewer paths is 400', 'SELECT * FROM c ORDER BY c.weight DESC, c.name, c.state'],
  ]);

  refused(() => container, /order-by item is excluded/, [
    ['a path that is excluded is 400', 'SELECT * FROM c ORDER BY c.position.height'],
    ['a path below one that is excluded is 400', 'SELECT * FROM c ORDER BY c.note.text'],
    ['the ETag is excluded by default: 400', 'SELECT * FROM c ORDER BY c._etag'],
  ]);

  test('the most precise of the matching paths decides, and id is always indexed', async () => {
    const few = await withPolicy('few', {
      includedPaths: [{ path: '/name/?' }, { path: '/a/b/*' }],
      excludedPaths: [{ path: '/*' }, { path: '/a/b/c/?' }],
    });
    await few.items.create({ id: 'x', pk: 'q', name: 'n', a: { b: { c: 1, d: 2 } } });
    for (const path of ['c.name', 'c.a.b.d', 'c.id', 'c._ts', 'c["a"]["b"]["d"]'])
      expect(await rowsOf(few, `SELECT VALUE c.id FROM c ORDER BY ${path}`, {}, 'q'), path).toEqual(['x']);
    for (const path of ['c.weight', 'c.a.b.c', 'c.name.first', 'c.a'])
      await expect(
        rowsOf(few, `SELECT VALUE c.id FROM c ORDER BY ${path}`, {}, 'q'),
        path,
      ).rejects.toMatchObject({
        code: 400,
      });
  });

  test('across partitions it is 400, too', async () => {
    await expect(rowsOf(container, 'SELECT * FROM c ORDER BY c.state, c.name', {})).rejects.toMatchObject({
      code: 400,
    });
  });

  test('indexingMode none serves no ORDER BY', async () => {
    const none = await withPolicy('none', { indexingMode: 'none', includedPaths: [], excludedPaths: [] });
    await expect(rowsOf(none, 'SELECT * FROM c ORDER BY c.name', {}, 'q')).rejects.toMatchObject({
      code: 400,
    });
    expect(await rowsOf(none, 'SELECT * FROM c', {}, 'q')).toEqual([]);
  });

  test('a policy comes back with what was left out', async () => {
    const part = await withPolicy('part', { excludedPaths: [{ path: '/body/*' }] });
    expect((await part.read()).resource?.indexingPolicy).toEqual({
      indexingMode: 'consistent',
      automatic: true,
      includedPaths: [{ path: '/*' }],
      excludedPaths: [{ path: '/body/*' }, { path: '/"_etag"/?' }],
    });
  });

  test.each<[string, object]>([
    ['a policy without the root is 400', { includedPaths: [{ path: '/a/?' }], excludedPaths: [] }],
    ['an included path without ? or * is 400', { includedPaths: [{ path: '/*' }, { path: '/a' }] }],
    ['a composite index of one path is 400', { compositeIndexes: [[{ path: '/a', order: 'ascending' }]] }],
    ['an unknown indexingMode is 400', { indexingMode: 'sometimes' }],
  ])('%s', async (_title, policy) => {
    await expect(withPolicy('refused', policy)).rejects.toMatchObject({ code: 400 });
  });
});

describe('cosmos: not supported', () => {
  refused(() => container, /not supported/, [
    ['not supported: user-defined functions in queries', 'SELECT VALUE udf.tax(c.weight) FROM c'],
    ['not supported: VectorDistance', 'SELECT TOP 1 c.id FROM c ORDER BY VectorDistance(c.v, [1, 2])'],
    ['not supported: FullTextContains', "SELECT VALUE c.id FROM c WHERE FullTextContains(c.text, 'a')"],
    ['not supported: FullTextScore and RRF', "SELECT VALUE RRF(FullTextScore(c.text, 'a'), 1) FROM c"],
    [
      'not supported: ORDER BY together with GROUP BY, as in the service',
      'SELECT c.state, COUNT(1) AS n FROM c GROUP BY c.state ORDER BY c.state',
    ],
    ['not supported: a function that there is not', 'SELECT VALUE NOSUCH(1)'],
  ]);
});

describe('cosmos: differences', () => {
  test('differs: within one partition an aggregate may be part of an expression (the service refuses some of them)', async () => {
    expect(await rowsOf(container, 'SELECT VALUE MAX(c.weight) - MIN(c.weight) FROM c', {}, 'q')).toEqual([
      7,
    ]);
  });
});
