import type { Container, JSONValue } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, type Harness, rowsOf, startHarness } from './cosmos.harness.ts';

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
  container = await harness.container({ id: 'queries', partitionKey: { paths: ['/pk'] } });
  for (const drone of DRONES) await container.items.create({ ...drone, pk: 'q' });
});

afterAll(() => harness.close());

interface Case {
  readonly title: string;
  readonly query: string;
  readonly rows: readonly unknown[];
  readonly parameters?: Readonly<Record<string, JSONValue>>;
}

const c = (
  title: string,
  query: string,
  rows: readonly unknown[],
  parameters?: Case['parameters'],
): Case => ({
  title,
  query,
  rows,
  ...(parameters ? { parameters } : {}),
});
/** One row with the value of an expression. */
const is = (expression: string, value: unknown): Case =>
  c(expression, `SELECT VALUE ${expression}`, value === undefined ? [] : [value]);
/** The ids for which a condition holds. */
const ids = (title: string, where: string, found: readonly string[], parameters?: Case['parameters']): Case =>
  c(title, `SELECT VALUE c.id FROM c WHERE ${where}`, found, parameters);

function table(cases: readonly Case[]): void {
  test.each(cases)('$title', async ({ query, rows, parameters }) => {
    expect(await rowsOf(container, query, parameters, 'q')).toEqual(rows);
  });
}

describe('SELECT', () => {
  table([
    c('fields keep their names', "SELECT c.id, c.base.city FROM c WHERE c.id = 'd1'", [
      { id: 'd1', city: 'Zürich' },
    ]),
    c('AS names a field', "SELECT c.name AS who FROM c WHERE c.id = 'd1'", [{ who: 'Ada' }]),
    c('a field can be named without AS', "SELECT c.name who FROM c WHERE c.id = 'd1'", [{ who: 'Ada' }]),
    c('a field that is not there is left out', "SELECT c.id, c.pilot FROM c WHERE c.id IN ('d1', 'd2')", [
      { id: 'd1' },
      { id: 'd2', pilot: null },
    ]),
    c('expressions without a name are numbered', 'SELECT 1 + 1, 2 + 2', [{ $1: 2, $2: 4 }]),
    c('VALUE gives bare values', "SELECT VALUE c.name FROM c WHERE c.id = 'd1'", ['Ada']),
    c('VALUE of what is undefined gives no row', 'SELECT VALUE c.pilot FROM c', [null, 'Kim']),
    c('objects are built', "SELECT VALUE { who: c.name, 'at': c.base.city } FROM c WHERE c.id = 'd2'", [
      { who: 'Bea', at: 'Bern' },
    ]),
    c('arrays are built', "SELECT VALUE [c.name, c.weight, 'x'] FROM c WHERE c.id = 'd1'", [
      ['Ada', 2.5, 'x'],
    ]),
    c('properties are reached by brackets', `SELECT VALUE c["base"]['city'] FROM c WHERE c.id = 'd1'`, [
      'Zürich',
    ]),
    c('array elements are reached by number', "SELECT VALUE c.tags[1] FROM c WHERE c.id = 'd1'", ['fast']),
    c('TOP takes the first rows', 'SELECT TOP 2 VALUE c.id FROM c', ['d1', 'd2']),
    c('TOP can be a parameter', 'SELECT TOP @n VALUE c.id FROM c', ['d1'], { '@n': 1 }),
    c('DISTINCT drops equal values', 'SELECT DISTINCT VALUE c.state FROM c', ['idle', 'flying', 'broken']),
    c('DISTINCT compares whole objects', 'SELECT DISTINCT c.base.city FROM c', [
      { city: 'Zürich' },
      { city: 'Bern' },
      {},
    ]),
    c('without FROM there is one row', "SELECT VALUE 'x'", ['x']),
    c('a comment is no part of the query', "SELECT VALUE c.id -- the key\nFROM c WHERE c.id = 'd1'", ['d1']),
    c('keywords may be written in any case', "select value c.id from c where c.id = 'd1' and not false", [
      'd1',
    ]),
    c('a string may have escapes', String.raw`SELECT VALUE 'it\'s \u0041 \n'`, ["it's A \n"]),
    c('a string may be in double quotes', 'SELECT VALUE "x"', ['x']),
    c('numbers may be written as hexadecimal or with exponent', 'SELECT VALUE [0xFF, 1e3, .5, 1.]', [
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

describe('WHERE', () => {
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

describe('operators', () => {
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

describe('JOIN and subqueries', () => {
  table([
    c(
      'JOIN gives a row for each element',
      "SELECT c.id, t AS tag FROM c JOIN t IN c.tags WHERE c.id IN ('d1', 'd2')",
      [
        { id: 'd1', tag: 'red' },
        { id: 'd1', tag: 'fast' },
        { id: 'd2', tag: 'blue' },
      ],
    ),
    c('JOIN over nothing gives no row', "SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.id = 'd3'", []),
    c(
      'two JOINs give the product',
      "SELECT VALUE [t, r.cost] FROM c JOIN t IN c.tags JOIN r IN c.repairs WHERE c.id = 'd5'",
      [
        ['fast', 5],
        ['blue', 5],
      ],
    ),
    c(
      'a JOIN may be filtered by both sides',
      'SELECT VALUE r.cost FROM c JOIN r IN c.repairs WHERE r.cost > c.weight',
      [10, 30, 5],
    ),
    c('FROM x IN path iterates an array', 'SELECT VALUE r.cost FROM r IN c.repairs', [10, 30, 5]),
    c('FROM path takes a part of each item', 'SELECT VALUE b.level FROM c.base b', [1, 2, 3]),
    c(
      'JOIN with a subquery filters first',
      'SELECT VALUE r.cost FROM c JOIN (SELECT VALUE r FROM r IN c.repairs WHERE r.cost >= 10) AS r',
      [10, 30],
    ),
    c(
      'EXISTS asks whether there is a row',
      "SELECT VALUE c.id FROM c WHERE EXISTS (SELECT VALUE t FROM t IN c.tags WHERE t = 'blue')",
      ['d2', 'd5'],
    ),
    c(
      'NOT EXISTS asks whether there is none',
      'SELECT VALUE c.id FROM c WHERE NOT EXISTS (SELECT VALUE t FROM t IN c.tags)',
      ['d3'],
    ),
    c(
      'ARRAY gathers rows',
      "SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.tags WHERE t != 'old') FROM c WHERE c.id = 'd4'",
      [['red', 'red']],
    ),
    c(
      'a scalar subquery gives one value',
      'SELECT c.id, (SELECT VALUE COUNT(1) FROM t IN c.tags) AS tags FROM c WHERE c.weight = 4',
      [
        { id: 'd2', tags: 1 },
        { id: 'd5', tags: 2 },
      ],
    ),
    c(
      'a scalar subquery may aggregate',
      "SELECT VALUE (SELECT VALUE SUM(r.cost) FROM r IN c.repairs) FROM c WHERE c.id = 'd4'",
      [40],
    ),
    c(
      'subqueries may be nested',
      "SELECT VALUE c.id FROM c WHERE EXISTS (SELECT VALUE r FROM r IN c.repairs WHERE EXISTS (SELECT VALUE t FROM t IN c.tags WHERE t = 'old'))",
      ['d4'],
    ),
    c('a subquery over constants is a table', 'SELECT VALUE x FROM (SELECT VALUE 5) AS x', [5]),
  ]);
});

describe('ORDER BY, OFFSET and LIMIT', () => {
  table([
    c('sorts ascending', 'SELECT VALUE c.weight FROM c ORDER BY c.weight', [1, 2.5, 4, 4, 8]),
    c('sorts descending', 'SELECT VALUE c.id FROM c ORDER BY c.name DESC', ['d5', 'd4', 'd3', 'd2', 'd1']),
    c('sorts by several paths', 'SELECT VALUE c.id FROM c ORDER BY c.weight DESC, c.name ASC', [
      'd4',
      'd2',
      'd5',
      'd1',
      'd3',
    ]),
    c('sorts texts by code unit, capitals first', 'SELECT VALUE c.name FROM c ORDER BY c.name', [
      'Ada',
      'Bea',
      'Cid',
      'Dan',
      'eve',
    ]),
    c('sorts undefined before null before texts', 'SELECT VALUE c.pilot ?? "none" FROM c ORDER BY c.pilot', [
      'none',
      'none',
      'none',
      null,
      'Kim',
    ]),
    c('sorts by a system property', 'SELECT TOP 1 VALUE c.id FROM c ORDER BY c._ts, c.id', ['d1']),
    c('OFFSET LIMIT takes a window', 'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 2', ['d2', 'd3']),
    c('OFFSET beyond the end gives nothing', 'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 10 LIMIT 2', []),
    c(
      'OFFSET and LIMIT may be parameters',
      'SELECT VALUE c.id FROM c ORDER BY c.id OFFSET @o LIMIT @l',
      ['d5'],
      { '@o': 4, '@l': 4 },
    ),
    c('TOP after ORDER BY takes the greatest', 'SELECT TOP 1 VALUE c.id FROM c ORDER BY c.weight DESC', [
      'd4',
    ]),
    c('DISTINCT with ORDER BY keeps the order', 'SELECT DISTINCT VALUE c.state FROM c ORDER BY c.state', [
      'broken',
      'flying',
      'idle',
    ]),
  ]);
});

describe('aggregates and GROUP BY', () => {
  table([
    c('COUNT(1) counts rows', 'SELECT VALUE COUNT(1) FROM c', [5]),
    c('COUNT of a path leaves out what is undefined', 'SELECT VALUE COUNT(c.pilot) FROM c', [2]),
    c('SUM adds', 'SELECT VALUE SUM(c.weight) FROM c', [19.5]),
    c('AVG divides by the rows that have a value', 'SELECT VALUE AVG(c.base.level) FROM c', [2]),
    c('MIN and MAX find the ends', 'SELECT MIN(c.weight) AS low, MAX(c.weight) AS high FROM c', [
      { low: 1, high: 8 },
    ]),
    c('MAX of texts', 'SELECT VALUE MAX(c.name) FROM c', ['eve']),
    c('SUM over something that is no number is undefined', 'SELECT SUM(c.name) AS s FROM c', [{}]),
    c('an aggregate may be part of an expression', 'SELECT VALUE MAX(c.weight) - MIN(c.weight) FROM c', [7]),
    c('COUNT over nothing is 0', "SELECT VALUE COUNT(1) FROM c WHERE c.id = 'nobody'", [0]),
    c('GROUP BY gives a row for each value', 'SELECT c.state, COUNT(1) AS n FROM c GROUP BY c.state', [
      { state: 'idle', n: 2 },
      { state: 'flying', n: 2 },
      { state: 'broken', n: 1 },
    ]),
    c(
      'GROUP BY several paths',
      "SELECT c.state, c.weight, COUNT(1) AS n FROM c WHERE c.state = 'flying' GROUP BY c.state, c.weight",
      [{ state: 'flying', weight: 4, n: 2 }],
    ),
    c(
      'GROUP BY with several aggregates',
      "SELECT c.state, SUM(c.weight) AS s, AVG(c.weight) AS a, MIN(c.weight) AS lo, MAX(c.weight) AS hi FROM c WHERE c.state = 'idle' GROUP BY c.state",
      [{ state: 'idle', s: 3.5, a: 1.75, lo: 1, hi: 2.5 }],
    ),
    c(
      'GROUP BY an expression',
      'SELECT LOWER(c.name) AS name FROM c WHERE c.weight > 4 GROUP BY LOWER(c.name)',
      [{ name: 'dan' }],
    ),
    c('undefined is a group of its own', 'SELECT c.base.city, COUNT(1) AS n FROM c GROUP BY c.base.city', [
      { city: 'Zürich', n: 2 },
      { city: 'Bern', n: 1 },
      { n: 2 },
    ]),
    c('GROUP BY after JOIN', 'SELECT t AS tag, COUNT(1) AS n FROM c JOIN t IN c.tags GROUP BY t', [
      { tag: 'red', n: 3 },
      { tag: 'fast', n: 2 },
      { tag: 'blue', n: 2 },
      { tag: 'old', n: 1 },
    ]),
    c('SELECT VALUE with GROUP BY', 'SELECT VALUE COUNT(1) FROM c GROUP BY c.state', [2, 2, 1]),
  ]);
});

describe('string functions', () => {
  table([
    is("CONCAT('a', 'b', 'c')", 'abc'),
    is("CONTAINS('Drone', 'ron')", true),
    is("CONTAINS('Drone', 'RON', true)", true),
    is("STARTSWITH('Drone', 'dr')", false),
    is("STARTSWITH('Drone', 'dr', true)", true),
    is("ENDSWITH('Drone', 'ne')", true),
    is("STRINGEQUALS('Drone', 'DRONE', true)", true),
    is("INDEX_OF('Drone', 'o')", 2),
    is("INDEX_OF('Drone', 'x')", -1),
    is("LENGTH('Zürich')", 6),
    is("LEFT('Drone', 2)", 'Dr'),
    is("RIGHT('Drone', 2)", 'ne'),
    is("LOWER('ÄB')", 'äb'),
    is("UPPER('äb')", 'ÄB'),
    is("LTRIM('  a ')", 'a '),
    is("RTRIM('  a ')", '  a'),
    is("TRIM('  a ')", 'a'),
    is("REPLACE('aba', 'a', 'x')", 'xbx'),
    is("REPLICATE('ab', 3)", 'ababab'),
    is("REVERSE('abc')", 'cba'),
    is("SUBSTRING('Drone', 1, 3)", 'ron'),
    is("REGEXMATCH('Drone', '^d.*E$', 'i')", true),
    is('TOSTRING([1, null])', '[1,null]'),
    is("STRINGTONUMBER(' 1.5e2 ')", 150),
    is("STRINGTOBOOLEAN('true')", true),
    is("STRINGTONULL('null')", null),
    is(`STRINGTOARRAY('[1, "a"]')`, [1, 'a']),
    is(`STRINGTOOBJECT('{"a": 1}')`, { a: 1 }),
    is("STRINGTONUMBER('one')", undefined),
    is("STRINGSPLIT('a,b,c', ',')", ['a', 'b', 'c']),
    is("STRINGJOIN(['a', 'b'], '-')", 'a-b'),
    is('LOWER(5)', undefined),
  ]);
});

describe('mathematical functions', () => {
  table([
    is('ABS(-2)', 2),
    is('CEILING(1.2)', 2),
    is('FLOOR(-1.2)', -2),
    is('ROUND(2.5)', 3),
    is('ROUND(-2.5)', -3),
    is('ROUND(1.2345, 2)', 1.23),
    is('TRUNC(-1.9)', -1),
    is('SIGN(-5)', -1),
    is('SQRT(16)', 4),
    is('SQUARE(3)', 9),
    is('POWER(2, 10)', 1024),
    is('EXP(0)', 1),
    is('LOG(1)', 0),
    is('LOG(8, 2)', 3),
    is('LOG10(1000)', 3),
    is('PI()', Math.PI),
    is('RADIANS(180)', Math.PI),
    is('DEGREES(PI())', 180),
    is('SIN(0) + COS(0) + TAN(0)', 1),
    is('ATN2(0, 1)', 0),
    is('INTADD(3, 4)', 7),
    is('INTDIV(7, 2)', 3),
    is('INTMOD(7, 2)', 1),
    is('INTBITAND(6, 3)', 2),
    is('NUMBERBIN(37, 10)', 30),
    is("ABS('a')", undefined),
  ]);
});

describe('array, type and conditional functions', () => {
  table([
    is('ARRAY_CONCAT([1], [2, 3])', [1, 2, 3]),
    is("ARRAY_CONTAINS(['a', 'b'], 'b')", true),
    is("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1}, true)", true),
    is("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1})", false),
    is('ARRAY_CONTAINS_ANY([1, 2], 2, 5)', true),
    is('ARRAY_CONTAINS_ALL([1, 2], 2, 5)', false),
    is('ARRAY_LENGTH([1, [2, 3]])', 2),
    is('ARRAY_SLICE([1, 2, 3, 4], 1, 2)', [2, 3]),
    is('ARRAY_SLICE([1, 2, 3, 4], -2)', [3, 4]),
    is('SETINTERSECT([1, 2, 2], [2, 3])', [2]),
    is('SETUNION([1, 2], [2, 3])', [1, 2, 3]),
    is("CHOOSE(2, 'a', 'b')", 'b'),
    is("IIF(1 < 2, 'yes', 'no')", 'yes'),
    is("OBJECTTOARRAY({'a': 1})", [{ k: 'a', v: 1 }]),
    is('IS_ARRAY([])', true),
    is('IS_BOOL(false)', true),
    is('IS_NULL(null)', true),
    is('IS_NULL(undefined)', false),
    is('IS_NUMBER(1)', true),
    is('IS_OBJECT({})', true),
    is('IS_OBJECT([])', false),
    is("IS_STRING('')", true),
    is('IS_PRIMITIVE(null)', true),
    is('IS_DEFINED(undefined)', false),
    is('IS_FINITE_NUMBER(1)', true),
    is('IS_INTEGER(1.5)', false),
    ids('IS_DEFINED tells null from undefined', 'IS_DEFINED(c.pilot)', ['d2', 'd3']),
    ids('ARRAY_CONTAINS searches a path', "ARRAY_CONTAINS(c.tags, 'red')", ['d1', 'd4']),
  ]);
});

describe('date functions', () => {
  table([
    is("DATETIMEADD('mm', 1, '2026-01-15T10:00:00.0000000Z')", '2026-02-15T10:00:00.0000000Z'),
    is("DATETIMEADD('hh', -1, '2026-01-01T00:30:00.0000000Z')", '2025-12-31T23:30:00.0000000Z'),
    is("DATETIMEDIFF('dd', '2026-01-01T23:00:00.0000000Z', '2026-01-02T01:00:00.0000000Z')", 1),
    is("DATETIMEPART('yyyy', '2026-11-23T10:20:30.4000000Z')", 2026),
    is("DATETIMEPART('mi', '2026-11-23T10:20:30.4000000Z')", 20),
    is('DATETIMEFROMPARTS(2026, 11, 23)', '2026-11-23T00:00:00.0000000Z'),
    is("DATETIMETOTIMESTAMP('1970-01-01T00:00:01.0000000Z')", 1000),
    is('TIMESTAMPTODATETIME(1000)', '1970-01-01T00:00:01.0000000Z'),
    is("DATETIMETOTICKS('1970-01-01T00:00:00.0000000Z')", 621355968000000000),
    is("DATETIMEBIN('2026-11-23T10:20:30.0000000Z', 'hh')", '2026-11-23T10:00:00.0000000Z'),
    is('IS_STRING(GETCURRENTDATETIME()) AND GETCURRENTTIMESTAMP() > 1600000000000', true),
  ]);
});

describe('spatial functions', () => {
  const zurich = "{'type': 'Point', 'coordinates': [8.54, 47.38]}";
  const bern = "{'type': 'Point', 'coordinates': [7.45, 46.95]}";
  const swiss =
    "{'type': 'Polygon', 'coordinates': [[[5.9, 45.8], [10.5, 45.8], [10.5, 47.8], [5.9, 47.8], [5.9, 45.8]]]}";
  table([
    c(
      'ST_DISTANCE gives metres between points',
      `SELECT VALUE ROUND(ST_DISTANCE(${zurich}, ${bern}) / 1000)`,
      [95],
    ),
    c('ST_WITHIN finds a point in a polygon', `SELECT VALUE ST_WITHIN(${zurich}, ${swiss})`, [true]),
    c(
      'ST_WITHIN finds a point outside of it',
      `SELECT VALUE ST_WITHIN({'type': 'Point', 'coordinates': [2.35, 48.85]}, ${swiss})`,
      [false],
    ),
    c('ST_INTERSECTS takes either order', `SELECT VALUE ST_INTERSECTS(${swiss}, ${bern})`, [true]),
    c(
      'ST_ISVALID refuses what is no geometry',
      "SELECT VALUE ST_ISVALID({'type': 'Point', 'coordinates': [1, 200]})",
      [false],
    ),
    c('ST_DISTANCE of what is no geometry is undefined', `SELECT VALUE ST_DISTANCE(${zurich}, 5)`, []),
  ]);
});

describe('errors of queries', () => {
  test.each([
    ['a word that is none', 'SELEKT * FROM c'],
    ['an open parenthesis', 'SELECT VALUE (1'],
    ['a text without its end', "SELECT VALUE 'a"],
    ['nothing', ''],
    ['words after the end', "SELECT * FROM c WHERE c.id = 'a' garbage here"],
    ['an alias that is not known', 'SELECT VALUE x.id FROM c'],
    ['a parameter without a value', 'SELECT VALUE c.id FROM c WHERE c.id = @missing'],
    ['SELECT * with JOIN', 'SELECT * FROM c JOIN t IN c.tags'],
    ['a negative LIMIT', 'SELECT * FROM c OFFSET 0 LIMIT -1'],
    ['nesting without end', `SELECT VALUE ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['a chain without end', `SELECT VALUE ${'1+'.repeat(50_000)}1 FROM c`],
  ])('%s is 400 with a message', async (_, query) => {
    const failure = await failureOf(rowsOf(container, query, {}, 'q'));
    expect(failure.code).toBe(400);
    expect(failure.message).not.toBe('');
  });
});

describe('not supported', () => {
  test.each([
    ['user-defined functions', 'SELECT VALUE udf.tax(c.weight) FROM c'],
    ['vector search', 'SELECT TOP 1 c.id FROM c ORDER BY VectorDistance(c.v, [1, 2])'],
    ['full-text search', "SELECT VALUE c.id FROM c WHERE FullTextContains(c.text, 'a')"],
    ['a function that does not exist', 'SELECT VALUE NOSUCH(1)'],
  ])('%s answer 400 and say so', async (_, query) => {
    const failure = await failureOf(rowsOf(container, query, {}, 'q'));
    expect(failure.code).toBe(400);
    expect(failure.message).toMatch(/not supported/);
  });
});
