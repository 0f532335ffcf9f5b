/** Tables of the query language for its parser. */

/** Operators by binding power, loosest first. */
export const BINARY: readonly (readonly string[])[] = [
  ['??'],
  ['OR'],
  ['AND'],
  ['|'],
  ['^'],
  ['&'],
  ['=', '!=', '<>', '<', '>', '<=', '>='],
  ['||'],
  ['<<', '>>', '>>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
/** Its place among them. */
export const COMPARISON = 6;

/** Reserved words: a property with such a name is written in brackets, `c["value"]`. */
export const RESERVED: ReadonlySet<string> = new Set([
  'SELECT',
  'FROM',
  'WHERE',
  'JOIN',
  'IN',
  'GROUP',
  'ORDER',
  'BY',
  'OFFSET',
  'LIMIT',
  'AS',
  'AND',
  'OR',
  'NOT',
  'BETWEEN',
  'LIKE',
  'ESCAPE',
  'VALUE',
  'TOP',
  'DISTINCT',
  'ASC',
  'DESC',
  'EXISTS',
  'ARRAY',
  'UNDEFINED',
  'NULL',
  'TRUE',
  'FALSE',
  'UDF',
  'CASE',
  'WHEN',
  'THEN',
  'ELSE',
  'END',
]);
