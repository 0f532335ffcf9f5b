/**
 * Decides which ORDER BY a container's indexing policy can serve: a query that lacks an index in Azure fails here, too.
 *
 * O1 A single path must be indexed: of the matching included and excluded paths, the most precise decides.
 * O2 Several paths need a composite index of exactly these, in this order, with all directions as given or all reversed.
 * Source: https://learn.microsoft.com/azure/cosmos-db/index-policy
 */
import { badRequest } from '../errors.ts';
import type { Expression, OrderBy, Query } from './ast.ts';
import { isObject } from './functions/signature.ts';

interface PathEntry {
  readonly path: string;
}

interface CompositePath extends PathEntry {
  readonly order?: 'ascending' | 'descending';
}

export interface IndexingPolicy {
  readonly indexingMode: string;
  readonly automatic: boolean;
  readonly includedPaths: readonly PathEntry[];
  readonly excludedPaths: readonly PathEntry[];
  readonly compositeIndexes?: readonly (readonly CompositePath[])[];
}

const EVERYTHING = '/*';
/** Excluded unless the policy names it. */
const ETAG: PathEntry = { path: '/"_etag"/?' };
/** The service's policy for a container that was created without one. */
export const DEFAULT_POLICY: IndexingPolicy = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: EVERYTHING }],
  excludedPaths: [ETAG],
};
const MODES: readonly unknown[] = ['consistent', 'lazy', 'none'];
/** Indexed under every policy. */
const ALWAYS: ReadonlySet<string> = new Set(['id', '_ts']);

/** Completes the parts that a client may leave out. @throws CosmosError 400 when it is not a policy */
export function readPolicy(given: unknown): IndexingPolicy {
  if (given === undefined || given === null) return DEFAULT_POLICY;
  if (!isObject(given)) throw badRequest('the indexing policy is an object');
  const {
    indexingMode = 'consistent',
    automatic = true,
    includedPaths,
    excludedPaths,
    compositeIndexes,
  } = given;
  const mode = String(indexingMode).toLowerCase();
  if (!MODES.includes(mode)) throw badRequest('indexingMode is consistent or none');
  const included = readPaths(includedPaths, 'includedPaths');
  const excluded = readPaths(excludedPaths, 'excludedPaths');
  const isRoot = ({ path }: PathEntry) => path === EVERYTHING;
  if (mode !== 'none' && included.length > 0 && ![...included, ...excluded].some(isRoot))
    throw badRequest('The special mandatory indexing path "/" is not provided in any of the path type sets.');
  return {
    ...given,
    indexingMode: mode,
    automatic: automatic !== false,
    includedPaths:
      included.length > 0 || excluded.some(isRoot) || mode === 'none'
        ? included
        : DEFAULT_POLICY.includedPaths,
    excludedPaths: [...included, ...excluded].some(({ path }) => path === ETAG.path)
      ? excluded
      : [...excluded, ETAG],
    ...(compositeIndexes === undefined || compositeIndexes === null
      ? {}
      : { compositeIndexes: readComposites(compositeIndexes) }),
  };
}

function readPaths(given: unknown, name: string): PathEntry[] {
  if (given === undefined || given === null) return [];
  const isPath = (entry: unknown): entry is PathEntry =>
    isObject(entry) && typeof entry['path'] === 'string' && /^\/(.*\/)?[?*]$/.test(entry['path']);
  if (!Array.isArray(given) || !given.every(isPath))
    throw badRequest(`${name} of the indexing policy are objects with a path that ends in /? or /*`);
  return given;
}

function readComposites(given: unknown): (readonly CompositePath[])[] {
  const isPath = (entry: unknown): entry is CompositePath =>
    isObject(entry) &&
    typeof entry['path'] === 'string' &&
    entry['path'].startsWith('/') &&
    [undefined, null, 'ascending', 'descending'].includes(entry['order'] as string | undefined | null);
  const isIndex = (index: unknown): index is CompositePath[] =>
    Array.isArray(index) && index.length > 1 && index.every(isPath);
  if (!Array.isArray(given) || !given.every(isIndex))
    throw badRequest(
      'compositeIndexes are lists of two or more paths, each with its order, ascending or descending',
    );
  return given;
}

/** @throws CosmosError 400 */
export function checkOrder(query: Query, policy: IndexingPolicy): void {
  const [root] = query.from;
  if (query.orderBy.length === 0 || root?.source.kind !== 'root' || root.iterate) return;
  const paths = query.orderBy.map(({ value }) => pathOf(value, root.alias));
  // ORDER BY of anything but a path of the document is refused elsewhere.
  if (!paths.every((path) => path !== undefined)) return;
  const isServed =
    paths.length === 1 ? isIndexed(paths[0] ?? [], policy) : hasComposite(paths, query.orderBy, policy);
  if (isServed) return;
  throw badRequest(
    paths.length === 1
      ? 'The index path corresponding to the specified order-by item is excluded.'
      : 'The order by query does not have a corresponding composite index that it can be served from.',
  );
}

/** Undefined: it is not a path of this input. */
function pathOf(expression: Expression, root: string): string[] | undefined {
  if (expression.kind === 'input') return expression.name === root ? [] : undefined;
  if (expression.kind !== 'member' || expression.key.kind !== 'literal') return undefined;
  const { value } = expression.key;
  return pathOf(expression.of, root)?.concat(typeof value === 'number' ? '[]' : String(value));
}

function isIndexed(path: readonly string[], policy: IndexingPolicy): boolean {
  if (policy.indexingMode === 'none') return false;
  if (path.length === 1 && ALWAYS.has(path[0] ?? '')) return true;
  const precision = (entries: readonly PathEntry[]) =>
    Math.max(-1, ...entries.map((entry) => precisionOf(segmentsOf(entry), path)));
  const included = precision(policy.includedPaths);
  return included >= 0 && included >= precision(policy.excludedPaths);
}

/** Higher is more precise; -1: it does not match. */
function precisionOf(pattern: readonly string[], path: readonly string[]): number {
  const above = pattern.slice(0, -1);
  if (!above.every((segment, at) => segment === path[at])) return -1;
  if (pattern.at(-1) === '*') return above.length * 2;
  return above.length === path.length ? above.length * 2 + 1 : -1;
}

function hasComposite(
  paths: readonly (readonly string[])[],
  orderBy: readonly OrderBy[],
  policy: IndexingPolicy,
): boolean {
  if (policy.indexingMode === 'none') return false;
  const wanted = paths.map((path) => JSON.stringify(path)).join();
  const directions = orderBy.map(({ descending }) => descending);
  return (policy.compositeIndexes ?? []).some((index) => {
    if (index.map((entry) => JSON.stringify(segmentsOf(entry))).join() !== wanted) return false;
    const differs = index.map(({ order }, at) => (order === 'descending') !== directions[at]);
    return differs.every((each) => each === differs[0]);
  });
}

/** Splits `/a/"b c"/?` into its parts. */
function segmentsOf({ path }: PathEntry): string[] {
  return [...path.matchAll(/\/(?:"([^"]*)"|([^/]*))/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
