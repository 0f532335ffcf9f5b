/**
 * Runs queries and feeds over items: scopes, pages and continuations.
 *
 * P1 A query whose rows each depend on one document continues after the last document, and one with ORDER BY after the last row, so
 *    writes between pages neither repeat nor hide other rows; any other query continues after a number of rows.
 * P2 A query whose results only a client can merge is refused with 400/1004 and a plan, as by the service's gateway.
 */
import { badRequest, CosmosError } from './errors.ts';
import { textOf, withSystem } from './items.ts';
import { checkQuery } from './limits.ts';
import { startOf, tokenBehind, tokenOf } from './page-tokens.ts';
import type { Scope } from './partition.ts';
import type { Query } from './query/ast.ts';
import { execute } from './query/execute.ts';
import { onPlane } from './query/functions/spatial.ts';
import { checkOrder, DEFAULT_POLICY } from './query/indexing-policy.ts';
import { isOrdered } from './query/ordered.ts';
import { needsPlan, planOf, type RangeQuery, readQuery } from './query/plan.ts';
import { filtersOf, isStreamable, isWhole, needsSystem } from './query/pushdown.ts';
import { type Resume, readResume } from './query/resume.ts';
import { matches, rowsOfDocument } from './query/run.ts';
import { rowsOf } from './rows.ts';
import type { ContainerRow, ItemRow, Store } from './store.ts';

export interface Page {
  /** Documents as JSON texts. */
  readonly documents: readonly string[];
  readonly continuation?: string;
  /** Number of documents read for it, and the characters of their JSON. */
  readonly read: number;
  readonly readCharacters: number;
}

export interface PageRequest {
  /** -1, or more than fits: as many as fit into a page. */
  readonly limit: number;
  readonly continuation?: string | undefined;
}

export interface QueryText {
  readonly query: string;
  readonly parameters?: readonly { readonly name: string; readonly value: unknown }[];
  /** The point at which .NET's SDK resumes an ordered query. */
  readonly resumeFilter?: unknown;
}

const MAX_PER_PAGE = 1_000;
/** A page ends when its documents have this many characters: the service answers at most 4 MB. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const CACHED_QUERIES = 500;

/** A query for a container: its spatial functions are planar if the container is configured so. */
interface Read extends RangeQuery {
  readonly streamable: boolean;
  readonly whole: boolean;
  readonly system: boolean;
}

const readQueries = new Map<string, Read>();

export function queryPage(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  text: QueryText,
  page: PageRequest,
  ranges: number,
): Page {
  if (typeof text?.query !== 'string') throw badRequest('a query needs its text');
  const read = readOf(text.query, container.definition.geospatialConfig?.type === 'Geometry');
  const parameters = parametersOf(text);
  checkOrder(read.query, container.definition.indexingPolicy ?? DEFAULT_POLICY);
  const everything = scope.pk === undefined && scope.prefix === undefined && scope.min === undefined;
  if (everything && ranges > 1 && needsPlan(read.query)) {
    throw new CosmosError(400, 'Query contains features that need the query plan', 1004, {
      additionalErrorInfo: JSON.stringify(planOf(text.query, parameters, 'bare')),
    });
  }
  return read.shape === 'plain' && read.streamable
    ? streamed(store, container, scope, read, parameters, page)
    : collected(store, container, scope, read, parameters, page, readResume(text.resumeFilter));
}

export function parametersOf({ parameters = [] }: QueryText): Map<string, unknown> {
  if (!Array.isArray(parameters) || !parameters.every((each) => typeof each?.name === 'string'))
    throw badRequest('the parameters of a query are an array of names and values');
  return new Map(parameters.map(({ name, value }) => [name, value]));
}

/** Every document, in the order of partition and creation. */
export function readFeed(store: Store, container: ContainerRow, scope: Scope, page: PageRequest): Page {
  return pageOf(rowsOf(store, container, scope, [], startOf(page).after), page, (row) => [
    textOf(container, row),
  ]);
}

function streamed(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  { query, whole, system }: Read,
  parameters: ReadonlyMap<string, unknown>,
  page: PageRequest,
): Page {
  const rows = rowsOf(
    store,
    container,
    scope,
    filtersOf(query, parameters, container.definition.partitionKey.paths),
    startOf(page).after,
  );
  return pageOf(rows, page, whole ? wholeTexts(container, query, parameters, system) : rowTexts());

  function rowTexts() {
    const rowsFor = rowsOfDocument(query, parameters);
    return (row: ItemRow) => rowsFor(documentOf(container, row, system)).map((each) => JSON.stringify(each));
  }
}

/** The document's text is the answer: it is parsed only if there is a condition to test. */
function wholeTexts(
  container: ContainerRow,
  query: Query,
  parameters: ReadonlyMap<string, unknown>,
  system: boolean,
): (row: ItemRow) => string[] {
  if (!query.where) return (row) => [textOf(container, row)];
  const holds = matches(query, parameters);
  return (row) => (holds(documentOf(container, row, system)) ? [textOf(container, row)] : []);
}

function documentOf(container: ContainerRow, row: ItemRow, system: boolean): unknown {
  return system ? withSystem(container, row) : JSON.parse(row.body);
}

function pageOf(
  rows: Iterable<ItemRow>,
  page: PageRequest,
  textsOf: (row: ItemRow) => readonly string[],
): Page {
  const limit = pageSize(page.limit);
  let { skip } = startOf(page);
  const documents: string[] = [];
  let characters = 0;
  let read = 0;
  let readCharacters = 0;
  const ended = (continuation?: string): Page => ({
    documents,
    read,
    readCharacters,
    ...(continuation === undefined ? {} : { continuation }),
  });
  for (const row of rows) {
    const full = documents.length >= limit || characters >= MAX_CHARACTERS;
    const texts = textsOf(row).slice(skip);
    if (full && texts.length > 0) return ended(tokenOf(row, skip));
    read += 1;
    readCharacters += row.body.length;
    const taken = texts.slice(0, limit - documents.length);
    for (const text of taken) {
      documents.push(text);
      characters += text.length;
    }
    if (taken.length < texts.length) return ended(tokenOf(row, skip + taken.length));
    skip = 0;
  }
  return ended();
}

function collected(
  store: Store,
  container: ContainerRow,
  scope: Scope,
  read: Read,
  parameters: ReadonlyMap<string, unknown>,
  page: PageRequest,
  resume: Resume | undefined,
): Page {
  let seen = 0;
  let readCharacters = 0;
  const documents = (function* () {
    const filters = filtersOf(read.query, parameters, container.definition.partitionKey.paths);
    for (const row of rowsOf(store, container, scope, filters)) {
      seen += 1;
      readCharacters += row.body.length;
      yield documentOf(container, row, read.system || read.shape !== 'plain' || isOrdered(read.query));
    }
  })();
  const start = startOf(page);
  const rows = execute(read, {
    parameters,
    documents,
    ...(resume ? { resume } : {}),
    ...(start.behind ? { behind: start.behind } : {}),
  });
  const left = start.skip > 0 ? rows.filter(({ at }) => at >= start.skip) : rows;
  const size = pageSize(page.limit);
  const last = left.length > size ? left[size - 1] : undefined;
  return {
    documents: left.slice(0, size).map(({ row }) => JSON.stringify(row)),
    read: seen,
    readCharacters,
    ...(last ? { continuation: tokenBehind(last) } : {}),
  };
}

function readOf(text: string, isPlane: boolean): Read {
  const name = isPlane ? `plane ${text}` : text;
  let read = readQueries.get(name);
  if (!read) {
    const parsed = readQuery(text);
    const query = isPlane ? onPlane(parsed.query) : parsed.query;
    checkQuery(query);
    read = {
      ...parsed,
      query,
      streamable: isStreamable(query),
      whole: isWhole(query),
      system: needsSystem(query) || (isWhole(query) && !isStreamable(query)),
    };
    if (readQueries.size >= CACHED_QUERIES) readQueries.clear();
    readQueries.set(name, read);
  }
  return read;
}

/** Documents of a page for `x-ms-max-item-count`. */
export function pageSize(limit: number): number {
  return limit > 0 ? Math.min(limit, MAX_PER_PAGE) : MAX_PER_PAGE;
}
