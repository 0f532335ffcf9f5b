/**
 * Checks the service's limits per item, container and query: anything beyond them is refused with 400, so it fails here and not in Azure.
 * https://learn.microsoft.com/azure/cosmos-db/concepts-limits
 */
import { badRequest } from './errors.ts';
import { childrenOf, type Expression, type Query, selected } from './query/ast.ts';
import type { ContainerDefinition } from './store.ts';

const MAX_ID_BYTES = 1_023;
const MAX_PARTITION_KEY_BYTES = 2_048;
const MAX_NESTING = 128;
const MAX_TTL_SECONDS = 2_147_483_647;
const MAX_NAME_CHARACTERS = 255;
const MAX_UNIQUE_KEYS = 10;
const MAX_UNIQUE_KEY_PATHS = 16;
const MAX_JOINS = 10;
const MAX_CONNECTIVES = 2_000;
const MAX_IN_VALUES = 16_000;
const FORBIDDEN_IN_ID = /[/\\#]/;
const FORBIDDEN_IN_NAME = /[/\\#?]|\s$/;

/** @throws CosmosError 400 */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id === '')
    throw badRequest("The input content is invalid because the required properties - 'id; ' - are missing");
  if (FORBIDDEN_IN_ID.test(id)) throw badRequest("An id cannot have the characters '/', '\\' and '#'.");
  if (Buffer.byteLength(id) > MAX_ID_BYTES) throw badRequest(`An id has at most ${MAX_ID_BYTES} bytes.`);
}

/** @throws CosmosError 400 */
export function checkPartitionKeyValue(value: unknown): void {
  if (typeof value === 'string' && Buffer.byteLength(value) > MAX_PARTITION_KEY_BYTES)
    throw badRequest(`Partition key value is longer than ${MAX_PARTITION_KEY_BYTES} bytes.`);
}

/** @throws CosmosError 400 */
export function checkTtl(ttl: unknown): void {
  const isSeconds = Number.isInteger(ttl) && (ttl as number) > 0 && (ttl as number) <= MAX_TTL_SECONDS;
  if (ttl !== undefined && ttl !== -1 && !isSeconds)
    throw badRequest('The input ttl is invalid. Ensure to provide a nonzero positive integer or -1.');
}

/** @param text JSON of the document. @throws CosmosError 400 */
export function checkNesting(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) isInString = false;
    } else if (code === 0x22) isInString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > MAX_NESTING) throw badRequest(`An item is nested at most ${MAX_NESTING} levels deep.`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

/** Of a database or a container. @throws CosmosError 400 */
export function checkName(id: unknown, kind: 'database' | 'container'): asserts id is string {
  if (typeof id !== 'string' || id === '') throw badRequest(`a ${kind} needs an id`);
  if (id.length > MAX_NAME_CHARACTERS || FORBIDDEN_IN_NAME.test(id))
    throw badRequest(
      `The id of a ${kind} has at most ${MAX_NAME_CHARACTERS} characters, none of '/', '\\', '#' and '?', and no space at its end.`,
    );
}

/** @throws CosmosError 400 */
export function checkUniqueKeys({ uniqueKeyPolicy }: ContainerDefinition): void {
  const { uniqueKeys = [] } = uniqueKeyPolicy ?? {};
  if (
    !Array.isArray(uniqueKeys) ||
    !uniqueKeys.every((key) => Array.isArray(key?.paths) && key.paths.length > 0)
  )
    throw badRequest('a unique key needs its paths');
  if (uniqueKeys.length > MAX_UNIQUE_KEYS)
    throw badRequest(`A container has at most ${MAX_UNIQUE_KEYS} unique key constraints.`);
  if (uniqueKeys.some(({ paths }) => paths.length > MAX_UNIQUE_KEY_PATHS))
    throw badRequest(`A unique key constraint has at most ${MAX_UNIQUE_KEY_PATHS} paths.`);
}

/** @throws CosmosError 400 */
export function checkQuery(query: Query): void {
  const counts = { joins: 0, and: 0, or: 0 };
  countIn(query, counts);
  if (counts.joins > MAX_JOINS) throw badRequest(`A query has at most ${MAX_JOINS} JOINs.`);
  if (counts.and > MAX_CONNECTIVES) throw badRequest(`A query has at most ${MAX_CONNECTIVES} ANDs.`);
  if (counts.or > MAX_CONNECTIVES) throw badRequest(`A query has at most ${MAX_CONNECTIVES} ORs.`);
}

interface Counts {
  joins: number;
  and: number;
  or: number;
}

function countIn(query: Query, counts: Counts): void {
  counts.joins += Math.max(0, query.from.length - 1);
  for (const { source } of query.from) if (source.kind === 'subquery') countIn(source.query, counts);
  const waiting: Expression[] = [...selected(query.select), ...(query.where ? [query.where] : [])];
  // Without recursion: a chain of ANDs nests as deep as it is long.
  for (let expression = waiting.pop(); expression; expression = waiting.pop()) {
    if (expression.kind === 'binary' && expression.op === 'AND') counts.and += 1;
    if (expression.kind === 'binary' && expression.op === 'OR') counts.or += 1;
    if (expression.kind === 'in' && expression.list.length > MAX_IN_VALUES)
      throw badRequest(`IN takes at most ${MAX_IN_VALUES} values.`);
    if (expression.kind === 'subquery') countIn(expression.query, counts);
    waiting.push(...childrenOf(expression));
  }
}
