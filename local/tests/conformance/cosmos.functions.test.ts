/** System functions of the query language, most with the values of Microsoft's reference. */
import type { Container } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, rowsOf, startHarness } from '../support/cosmos.ts';
import { type Case, ids, is, rows, table as tableOf } from './cosmos.cases.ts';

let harness: Harness;
let container: Container;

beforeAll(async () => {
  harness = await startHarness();
  container = await harness.container({ id: 'functions', partitionKey: { paths: ['/pk'] } });
  await container.items.create({ id: 'd1', pk: 'q', pilot: null, tags: ['red', 'fast'] });
  await container.items.create({ id: 'd2', pk: 'q', tags: ['blue'] });
});

afterAll(() => harness.close());

const table = (cases: readonly Case[]) => tableOf(() => container, cases);

describe('cosmos: string functions', () => {
  table([
    is("CONCAT('adventure', 'works')", 'adventureworks'),
    is("CONCAT('a', 'b', 'c')", 'abc'),
    is("CONCAT('a', 1)", undefined),
    is("CONTAINS('AdventureWorks', 'Works')", true),
    is("CONTAINS('AdventureWorks', 'adventure')", false),
    is("CONTAINS('AdventureWorks', 'works', true)", true),
    is("CONTAINS('a', null)", undefined),
    is("CONTAINS_ALL_CI('Have a nice day!', 'HAVE', 'NICE', 'DAY!')", true),
    is("CONTAINS_ALL_CI('Have a nice day!', 'had', 'nice', 'day!')", false),
    is("CONTAINS_ALL_CI('Have a nice day!', undefined, 'nice', 'day!')", undefined),
    is("CONTAINS_ALL_CI('Have a nice day!', undefined, 'had')", false),
    is("CONTAINS_ALL_CS('Have a nice day!', 'HAVE')", false),
    is("CONTAINS_ANY_CI('Have a nice day!', 'had', 'NICE')", true),
    is("CONTAINS_ANY_CS('Have a nice day!', 'had', 'NICE')", false),
    is("STARTSWITH('AdventureWorks', 'adventure')", false),
    is("STARTSWITH('AdventureWorks', 'adventure', true)", true),
    is("ENDSWITH('AdventureWorks', 'Works')", true),
    is("ENDSWITH('AdventureWorks', 'works', true)", true),
    is("STRINGEQUALS('AdventureWorks', 'adventureworks')", false),
    is("STRINGEQUALS('AdventureWorks', 'adventureworks', true)", true),
    is("INDEX_OF('AdventureWorks', 'tureW')", 5),
    is("INDEX_OF('AdventureWorks', 'Cosmos')", -1),
    is("INDEX_OF('AdventureWorks', 'Works', 5)", 9),
    is("INDEX_OF('AdventureWorks', 'Adventure', 5)", -1),
    is("LASTINDEXOF('banana', 'an')", 3),
    is("LASTINDEXOF('banana', 'x')", -1),
    is("LENGTH('AdventureWorks')", 14),
    is("LENGTH('')", 0),
    is('LENGTH(null)', undefined),
    is("LENGTH(['Adventure', 'Works'])", undefined),
    is("LEFT('AdventureWorks', 5)", 'Adven'),
    is("LEFT('AdventureWorks', 100)", 'AdventureWorks'),
    is("RIGHT('AdventureWorks', 5)", 'Works'),
    is("RIGHT('AdventureWorks', 0)", ''),
    is("LOWER('ÄB')", 'äb'),
    is("UPPER('äb')", 'ÄB'),
    is('LOWER(5)', undefined),
    is("LTRIM('  AdventureWorks  ')", 'AdventureWorks  '),
    is("LTRIM('AdventureWorks', 'Adventure')", 'Works'),
    is("RTRIM('  AdventureWorks  ')", '  AdventureWorks'),
    is("RTRIM('AdventureWorks', 'Works')", 'Adventure'),
    is("RTRIM('AdventureWorks', '')", 'AdventureWorks'),
    is("TRIM('   AdventureWorks   ')", 'AdventureWorks'),
    is("TRIM('-_-AdventureWorks-_-', '-_')", 'AdventureWorks'),
    is("REPLACE('AdventureWorksLT', 'LT', 'LT2')", 'AdventureWorksLT2'),
    is("REPLACE('aba', 'a', '$&')", '$&b$&'),
    is("REPLICATE('Cosmic', 3)", 'CosmicCosmicCosmic'),
    is("REPLICATE('a', 10001)", undefined),
    is("REVERSE('AdventureWorks')", 'skroWerutnevdA'),
    is("SUBSTRING('AdventureWorks', 9, 5)", 'Works'),
    is("SUBSTRING('AdventureWorks', 0, -1)", ''),
    is("REGEXMATCH('abcd', 'ABC')", false),
    is("REGEXMATCH('abcd', 'ABC', 'i')", true),
    is("REGEXMATCH('abcd', 'ab c', 'x')", true),
    is("REGEXMATCH('abcd', 'aB c', 'ix')", true),
    is("REGEXMATCH('salt3824908', 'salt{1}')", true),
    is("REGEXMATCH('a', '(')", undefined),
    is('TOSTRING(0.1234)', '0.1234'),
    is('TOSTRING([1, 2, 3])', '[1,2,3]'),
    is("TOSTRING({'department': 'Bicycles'})", '{"department":"Bicycles"}'),
    is('TOSTRING(undefined)', undefined),
    is('STRINGTOARRAY(\'[ "coats", [ 76 ], null ]\')', ['coats', [76], null]),
    is(`STRINGTOARRAY("[ 'coats' ]")`, undefined),
    is("STRINGTOBOOLEAN('  false  ')", false),
    is('STRINGTOBOOLEAN(true)', undefined),
    is("STRINGTONULL('  null')", null),
    is("STRINGTONULL('NULL')", undefined),
    is("STRINGTONUMBER('   60   ')", 60),
    is("STRINGTONUMBER('-1.79769e+308')", -1.79769e308),
    is("STRINGTONUMBER('Hello')", undefined),
    is(`STRINGTOOBJECT('{"division": {"name": "Sales"}}')`, { division: { name: 'Sales' } }),
    is(`STRINGTOOBJECT("{'price': 27.55}")`, undefined),
    is("STRINGSPLIT('a,b,c', ',')", ['a', 'b', 'c']),
    is("STRINGJOIN(['a', 'b'], '-')", 'a-b'),
  ]);
});

describe('cosmos: mathematical functions', () => {
  table([
    is('ABS(-2)', 2),
    is("ABS('a')", undefined),
    is('ACOS(1)', 0),
    is('ACOS(2)', undefined),
    is('ASIN(0)', 0),
    is('ATAN(0)', 0),
    is('ATN2(0, 1)', 0),
    is('CEILING(62.6)', 63),
    is('CEILING(-123.45)', -123),
    is('COS(0)', 1),
    is('ROUND(COT(124.1332), 4)', -0.0403),
    is('DEGREES(PI())', 180),
    is('EXP(0)', 1),
    is('EXP(1000)', undefined),
    is('FLOOR(-123.45)', -124),
    is('INTADD(20, 10)', 30),
    is('INTADD(20, 0.1)', undefined),
    is('INTBITAND(15, 25)', 9),
    is('INTBITLEFTSHIFT(16, 4)', 256),
    is('INTBITNOT(65)', -66),
    is('INTBITOR(56, 100)', 124),
    is('INTBITRIGHTSHIFT(16, 4)', 1),
    is('INTBITXOR(56, 100)', 92),
    is('INTDIV(10, -2)', -5),
    is('INTDIV(10, 0)', undefined),
    is('INTMOD(12, -5)', 2),
    is('INTMOD(-12, -5)', -2),
    is('INTMUL(5, INTMUL(5, 5))', 125),
    is('INTSUB(25, 50)', -25),
    is('LOG(5)', 1.6094379124341003),
    is('LOG(2, 10)', 0.3010299956639812),
    is('LOG(0)', undefined),
    is('LOG10(1000)', 3),
    is('NUMBERBIN(37.752, -100)', 100),
    is('NUMBERBIN(37.752, 10)', 30),
    is('NUMBERBIN(37.752, 0)', undefined),
    is('NUMBERBIN(37.752, 0.01)', 37.75),
    is('PI()', Math.PI),
    is('POWER(2, 10)', 1024),
    is('RADIANS(180)', Math.PI),
    is('RAND() >= 0 AND RAND() < 1', true),
    is('ROUND(2.4)', 2),
    is('ROUND(2.5)', 3),
    is('ROUND(-2.6)', -3),
    is('ROUND(1.2345, 2)', 1.23),
    is('SIGN(-5)', -1),
    is('SIN(0)', 0),
    is('SQRT(16)', 4),
    is('SQRT(-1)', undefined),
    is('SQUARE(3)', 9),
    is('TAN(0)', 0),
    is('TRUNC(-2.78)', -2),
    is('TRUNC(0.0000714)', 0),
  ]);
});

describe('cosmos: array functions', () => {
  const scores = '[70, 86, 92, 99, 85, 90, 82]';
  table([
    is("ARRAY_CONCAT(['apples'], ['bananas'], [['kiwi']])", ['apples', 'bananas', ['kiwi']]),
    is("ARRAY_CONCAT([1], 'a')", undefined),
    is("ARRAY_CONTAINS(['coats', 'jackets'], 'coats')", true),
    is("ARRAY_CONTAINS(['coats', 'jackets'], 'hoodies')", false),
    is("ARRAY_CONTAINS([{'category': 'shirts', 'color': 'blue'}], {'category': 'shirts'})", false),
    is("ARRAY_CONTAINS([{'category': 'shirts', 'color': 'blue'}], {'category': 'shirts'}, true)", true),
    is("ARRAY_CONTAINS([{'category': 'shirts'}], {'category': 'shorts'}, true)", false),
    is("ARRAY_CONTAINS('coats', 'coats')", undefined),
    is('ARRAY_CONTAINS_ANY([1, true, "3"], 2, true)', true),
    is('ARRAY_CONTAINS_ALL([1, true, "3"], 1, "3")', true),
    is('ARRAY_CONTAINS_ALL([1, 2], 2, 5)', false),
    is(`ARRAY_LENGTH(${scores})`, 7),
    is('ARRAY_LENGTH([])', 0),
    is('ARRAY_LENGTH(null)', undefined),
    is(`ARRAY_SLICE(${scores}, 1)`, [86, 92, 99, 85, 90, 82]),
    is(`ARRAY_SLICE(${scores}, -2)`, [90, 82]),
    is(`ARRAY_SLICE(${scores}, 3, 5)`, [99, 85, 90, 82]),
    is(`ARRAY_SLICE(${scores}, -2, 1)`, [90]),
    is('ARRAY_AVG([1, 2, 3, 4])', 2.5),
    is('ARRAY_SUM([1, 2, 3, 4])', 10),
    is("ARRAY_SUM([1, 'a'])", undefined),
    is("ARRAY_MIN([1, 'abc', true, null])", null),
    is("ARRAY_MAX([1, 'abc', true, null])", 'abc'),
    is('ARRAY_MIN([[1], 2])', undefined),
    is('ARRAY_MEDIAN([1, 2, 3, 4])', 2.5),
    is('ARRAY_MEDIAN([1.0, 2.0, 3.3, 4.7, 7.8])', 3.3),
    is("ARRAY_MEDIAN(['abc', 'ABC'])", undefined),
    is('SETINTERSECT([1, 2, 3, 4], [3, 4, 5, 6])', [3, 4]),
    is('SETINTERSECT([1, 2, 3, 4], [1, 1, 1, 1])', [1]),
    is("SETINTERSECT([1, 2, 'A', 'B'], ['A', 1])", ['A', 1]),
    is('SETUNION([1, 2, 3, 4], [1, 1, 1, 1])', [1, 2, 3, 4]),
    is("SETUNION([1, 2, 'A', 'B'], ['A', 1])", [1, 2, 'A', 'B']),
    is('SETDIFFERENCE([1, 2, 2, 3], [2])', [1, 3]),
    is('SETEQUAL([1, 2, 2], [2, 1])', true),
    is("CHOOSE(1, 'adventure', 'works', true, [1])", 'adventure'),
    is("CHOOSE(5, 'adventure', 'works')", undefined),
    is("OBJECTTOARRAY({'a': '12345', 'b': '67890'})", [
      { k: 'a', v: '12345' },
      { k: 'b', v: '67890' },
    ]),
    is("OBJECTTOARRAY({'a': '12345'}, 'name')", [{ name: 'a', v: '12345' }]),
    is("OBJECTTOARRAY({'a': '12345'}, 'key', 'value')", [{ key: 'a', value: '12345' }]),
    ids('ARRAY_CONTAINS searches a path', "ARRAY_CONTAINS(c.tags, 'red')", ['d1']),
  ]);
});

describe('cosmos: type checks and conditions', () => {
  table([
    is('IS_ARRAY([25344, 82947])', true),
    is("IS_ARRAY({'size': 'small'})", false),
    is("IS_ARRAY({'skus': [25344]}.skus)", true),
    is('IS_BOOL(false)', true),
    is('IS_BOOL(0)', false),
    is('IS_DEFINED(undefined)', false),
    is('IS_DEFINED(null)', true),
    is('IS_FINITE_NUMBER(1234.567)', true),
    is('IS_FINITE_NUMBER(8.9 / 0.0)', false),
    is('IS_FINITE_NUMBER(SQRT(-1.0))', false),
    is('IS_INTEGER(3454.123)', false),
    is('IS_INTEGER(-9223372036854775808)', true),
    is('IS_INTEGER(18446744073709551615)', false),
    is('IS_NULL(null)', true),
    is('IS_NULL(undefined)', false),
    is("IS_NUMBER('1')", false),
    is('IS_NUMBER(1)', true),
    is('IS_OBJECT({})', true),
    is('IS_OBJECT([])', false),
    is("IS_STRING('')", true),
    is('IS_PRIMITIVE(null)', true),
    is('IS_PRIMITIVE({}.category)', false),
    is("IS_PRIMITIVE(['green'])", false),
    is("IS_DATETIME('2023-03-06')", true),
    is("IS_DATETIME('2023-03-06 15:29:00Z')", true),
    is("IS_DATETIME('2023-03-06T15:29:59.1234567')", true),
    is("IS_DATETIME('2023-03-06T15:29:59.12345678')", false),
    is("IS_DATETIME('2023-02-30')", false),
    is('IIF(true, 123, 456)', 123),
    is('IIF(123, 123, 456)', 456),
    is("IIF('ABC', 123, 456)", 456),
    ids('IS_DEFINED tells null from undefined', 'IS_DEFINED(c.pilot)', ['d1']),
    rows(
      'DOCUMENTID is the number of the item in its container',
      'SELECT VALUE DOCUMENTID(c) FROM c',
      [1, 2],
    ),
  ]);
});

describe('cosmos: date and time functions', () => {
  const day = "'2020-07-03T00:00:00.0000000'";
  const [early, late] = ["'2018-03-05T05:00:00.0000000'", "'2019-02-04T16:00:00.0000000'"];
  const bin = "'2021-01-08T18:35:00.0000000'";
  const exact = "'2016-05-29T08:30:00.1301617'";
  table([
    is(`DATETIMEADD('yyyy', 1, ${day})`, '2021-07-03T00:00:00.0000000Z'),
    is(`DATETIMEADD('mm', -1, ${day})`, '2020-06-03T00:00:00.0000000Z'),
    is(`DATETIMEADD('hh', -1, ${day})`, '2020-07-02T23:00:00.0000000Z'),
    is(`DATETIMEADD('ss', 5 * -5, ${day})`, '2020-07-02T23:59:35.0000000Z'),
    is(`DATETIMEADD('mcs', 1, ${day})`, '2020-07-03T00:00:00.0000010Z'),
    is(`DATETIMEADD('ns', 300, ${day})`, '2020-07-03T00:00:00.0000003Z'),
    is("DATETIMEADD('mm', 1, '2024-01-31')", '2024-02-29T00:00:00.0000000Z'),
    is(`DATETIMEADD('yyyy', 1000000, ${day})`, undefined),
    is(`DATETIMEADD('century', 1, ${day})`, undefined),
    is("DATETIMEADD('dd', 1, 'yesterday')", undefined),
    is(`DATETIMEDIFF('yyyy', ${late}, ${early})`, -1),
    is(`DATETIMEDIFF('mm', ${late}, ${early})`, -11),
    is(`DATETIMEDIFF('dd', ${early}, ${late})`, 336),
    is(`DATETIMEDIFF('hh', ${late}, ${early})`, -8075),
    is(`DATETIMEDIFF('ss', ${early}, ${late})`, 29070000),
    is(`DATETIMEBIN(${bin}, 'dd')`, '2021-01-08T00:00:00.0000000Z'),
    is(`DATETIMEBIN(${bin}, 'hh', 5)`, '2021-01-08T15:00:00.0000000Z'),
    is(`DATETIMEBIN(${bin}, 'dd', 7)`, '2021-01-07T00:00:00.0000000Z'),
    is(`DATETIMEBIN(${bin}, 'dd', 7, '1601-01-01T00:00:00.0000000')`, '2021-01-04T00:00:00.0000000Z'),
    is(`DATETIMEBIN(${bin}, 'dd', 0)`, undefined),
    is('DATETIMEFROMPARTS(2017, 4, 20)', '2017-04-20T00:00:00.0000000Z'),
    is('DATETIMEFROMPARTS(2017, 4, 20, 13, 15)', '2017-04-20T13:15:00.0000000Z'),
    is('DATETIMEFROMPARTS(2017, 4, 20, 13, 15, 20, 3456789)', '2017-04-20T13:15:20.3456789Z'),
    is('DATETIMEFROMPARTS(-2000, -1, -1)', undefined),
    is(`DATETIMEPART('yyyy', ${exact})`, 2016),
    is(`DATETIMEPART('mi', ${exact})`, 30),
    is(`DATETIMEPART('ms', ${exact})`, 130),
    is(`DATETIMEPART('mcs', ${exact})`, 130161),
    is(`DATETIMEPART('ns', ${exact})`, 130161700),
    is(`[YEAR(${exact}), MONTH(${exact}), DAY(${exact})]`, [2016, 5, 29]),
    is(`DATETIMEFORMAT(${exact}, 'dd.MM.yy HH:mm:ss.fff')`, '29.05.16 08:30:00.130'),
    is("DATETIMETOTICKS('2015-05-19T12:00:00.0000000')", 14320368000000000),
    is("DATETIMETOTIMESTAMP('2015-05-19T12:00:00.0000000')", 1432036800000),
    is('TICKSTODATETIME(0)', '1970-01-01T00:00:00.0000000Z'),
    is('TICKSTODATETIME(-116444736000000000)', '1601-01-01T00:00:00.0000000Z'),
    is('TICKSTODATETIME(1e30)', undefined),
    is('TIMESTAMPTODATETIME(1597360794300)', '2020-08-13T23:19:54.3000000Z'),
    is('TIMESTAMPTODATETIME(-11644473600000)', '1601-01-01T00:00:00.0000000Z'),
    is('IS_DATETIME(GETCURRENTDATETIME()) AND IS_DATETIME(GETCURRENTDATETIMESTATIC())', true),
    is('GETCURRENTTIMESTAMP() > 1600000000000 AND GETCURRENTTIMESTAMPSTATIC() > 1600000000000', true),
    is('GETCURRENTTICKS() > 16000000000000000 AND GETCURRENTTICKSSTATIC() > 16000000000000000', true),
    is("DATETIMEDIFF('hh', AGO('dd', 1), NOW())", 24),
  ]);
});

describe('cosmos: spatial functions', () => {
  const point = (x: number, y: number) => `{'type': 'Point', 'coordinates': [${x}, ${y}]}`;
  const line = (...pairs: readonly (readonly [number, number])[]) =>
    `{'type': 'LineString', 'coordinates': ${JSON.stringify(pairs)}}`;
  const ring = (low: number, high: number) => [
    [low, low],
    [high, low],
    [high, high],
    [low, high],
    [low, low],
  ];
  const square = `{'type': 'Polygon', 'coordinates': ${JSON.stringify([ring(0, 10)])}}`;
  const holed = `{'type': 'Polygon', 'coordinates': ${JSON.stringify([ring(0, 10), ring(4, 6)])}}`;
  const small = `{'type': 'Polygon', 'coordinates': ${JSON.stringify([ring(1, 2)])}}`;
  const two = `{'type': 'MultiPolygon', 'coordinates': ${JSON.stringify([[ring(0, 1)], [ring(20, 21)]])}}`;
  const one = (title: string, expression: string, value: unknown) =>
    rows(title, `SELECT VALUE ${expression}`, value === undefined ? [] : [value]);
  table([
    one('ST_WITHIN finds a point in a polygon', `ST_WITHIN(${point(5, 5)}, ${square})`, true),
    one('ST_WITHIN finds a point outside of a polygon', `ST_WITHIN(${point(11, 5)}, ${square})`, false),
    one('ST_WITHIN leaves out a hole', `ST_WITHIN(${point(5, 5)}, ${holed})`, false),
    one('ST_WITHIN finds a point beside a hole', `ST_WITHIN(${point(1, 1)}, ${holed})`, true),
    one('ST_WITHIN finds a polygon in a polygon', `ST_WITHIN(${small}, ${square})`, true),
    one('ST_WITHIN is not true of the larger polygon', `ST_WITHIN(${square}, ${small})`, false),
    one('ST_WITHIN sees a hole within a polygon', `ST_WITHIN(${square}, ${holed})`, false),
    one('ST_WITHIN finds a line in a polygon', `ST_WITHIN(${line([1, 1], [9, 2])}, ${square})`, true),
    one('ST_WITHIN sees a line that crosses a hole', `ST_WITHIN(${line([1, 5], [9, 5])}, ${holed})`, false),
    one('ST_WITHIN takes each polygon of several', `ST_WITHIN(${point(20.5, 20.5)}, ${two})`, true),
    one('ST_WITHIN of what is no geometry is undefined', `ST_WITHIN(5, ${square})`, undefined),
    one(
      'ST_INTERSECTS of lines that cross is true',
      `ST_INTERSECTS(${line([0, 0], [2, 2])}, ${line([0, 2], [2, 0])})`,
      true,
    ),
    one(
      'ST_INTERSECTS of lines apart is false',
      `ST_INTERSECTS(${line([0, 0], [1, 1])}, ${line([0, 2], [1, 3])})`,
      false,
    ),
    one(
      'ST_INTERSECTS of a line through a polygon is true',
      `ST_INTERSECTS(${square}, ${line([-1, 5], [11, 5])})`,
      true,
    ),
    one('ST_INTERSECTS of a polygon within another is true', `ST_INTERSECTS(${small}, ${square})`, true),
    one(
      'ST_INTERSECTS of polygons apart is false',
      `ST_INTERSECTS(${small}, {'type': 'Polygon', 'coordinates': ${JSON.stringify([ring(3, 4)])}})`,
      false,
    ),
    one('ST_INTERSECTS of a point in a hole is false', `ST_INTERSECTS(${holed}, ${point(5, 5)})`, false),
    one('ST_DISTANCE of a point within a polygon is 0', `ST_DISTANCE(${point(5, 5)}, ${square})`, 0),
    one(
      'ST_DISTANCE to a line goes to its nearest point',
      `ROUND(ST_DISTANCE(${point(5, 1)}, ${line([0, 0], [10, 0])}) / 1000, 1)`,
      110.6,
    ),
    one(
      'ST_DISTANCE to a polygon goes to its border',
      `ROUND(ST_DISTANCE(${point(11, 0)}, ${square}) / 1000, 1)`,
      111.3,
    ),
    one('ST_DISTANCE of what is no geometry is undefined', `ST_DISTANCE(${point(1, 1)}, 5)`, undefined),
    one('ST_AREA leaves out the hole', `ST_AREA(${holed}) < ST_AREA(${square})`, true),
    one('ST_AREA of a point is 0', `ST_AREA(${point(1, 1)})`, 0),
    one('ST_ISVALID takes a point', `ST_ISVALID(${point(-84.38876194345323, 33.75682784306348)})`, true),
    one('ST_ISVALID refuses a latitude beyond 90', `ST_ISVALID(${point(133.756828, -184.388762)})`, false),
    one('ST_ISVALIDDETAILED gives the reason', `ST_ISVALIDDETAILED(${point(133.756828, -184.388762)})`, {
      valid: false,
      reason: 'Latitude values must be between -90 and 90 degrees.',
    }),
    one('ST_ISVALIDDETAILED of a right geometry has no reason', `ST_ISVALIDDETAILED(${square})`, {
      valid: true,
    }),
    one(
      'ST_ISVALID refuses a ring that is not closed',
      "ST_ISVALID({'type': 'Polygon', 'coordinates': [[[0, 0], [0, 1], [1, 1], [1, 0]]]})",
      false,
    ),
    one('ST_ISVALID refuses a line of one position', `ST_ISVALID(${line([0, 0])})`, false),
  ]);

  const near = (title: string, expression: string, wanted: number, tolerance: number) =>
    test(title, async () => {
      const [found] = await rowsOf(container, `SELECT VALUE ${expression}`, {}, 'q');
      expect(Math.abs(Number(found) - wanted)).toBeLessThan(tolerance);
    });

  near(
    'ST_DISTANCE is that of the reference, to the millimetre over 3 km',
    `ST_DISTANCE(${point(-122.12826822304672, 47.63980239335718)}, ${point(-122.11758113953535, 47.66901087006131)})`,
    3345.269817267368,
    0.001,
  );
  near(
    'ST_DISTANCE is that of the reference, to a decimetre over 1,900 km',
    `ST_DISTANCE(${point(-96.84368664765994, 46.81297794314663)}, ${point(-122.11758113953535, 47.66901087006131)})`,
    1907438.421299902,
    0.1,
  );
  near(
    'ST_AREA is that of the reference, to a square metre of 736 square kilometres',
    "ST_AREA({'type': 'Polygon', 'coordinates': [[[31.8, -5], [32, -5], [32, -4.7], [31.8, -4.7], [31.8, -5]]]})",
    735970283.0522614,
    1,
  );

  test('differs: edges are straight on the plane of longitude and latitude (the service: geodesics)', async () => {
    const wide = "{'type': 'Polygon', 'coordinates': [[[0, 0], [60, 50], [-60, 50], [0, 0]]]}";
    expect(await rowsOf(container, `SELECT VALUE ST_WITHIN(${point(0, 52)}, ${wide})`, {}, 'q')).toEqual([
      false,
    ]);
  });
});
