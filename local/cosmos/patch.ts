/** Applies partial updates: at most ten operations, in order, all or none. https://learn.microsoft.com/azure/cosmos-db/partial-document-update */
import { badRequest } from './errors.ts';

export interface PatchOperation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
  readonly from?: string;
}

type Node = Record<string, unknown> | unknown[];

const MAX_OPERATIONS = 10;
const INDEX = /^(?:0|[1-9]\d*)$/;
const SYSTEM = new Set(['id', '_rid', '_self', '_etag', '_ts', '_attachments']);

const isOperation = (value: unknown): value is PatchOperation => value !== null && typeof value === 'object';

/** A new document; `partitionPaths` may not be touched. */
export function applyPatch(
  document: Readonly<Record<string, unknown>>,
  operations: readonly PatchOperation[],
  partitionPaths: readonly string[],
): Record<string, unknown> {
  if (!Array.isArray(operations) || operations.length === 0 || !operations.every(isOperation))
    throw badRequest('a patch needs at least one operation');
  if (operations.length > MAX_OPERATIONS)
    throw badRequest(`The number of patch operations can't exceed ${MAX_OPERATIONS}.`);
  const copy = structuredClone(document) as Record<string, unknown>;
  for (const operation of operations) apply(copy, operation, partitionPaths);
  return copy;
}

function apply(
  root: Record<string, unknown>,
  operation: PatchOperation,
  partitionPaths: readonly string[],
): void {
  const { op, path, value } = operation;
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw badRequest(`For ${op} operation, path is not valid: ${path}`);
  guard(path, partitionPaths);
  const { parent, key } = locate(root, path);
  switch (op) {
    case 'add':
      if (value === undefined) throw badRequest('add needs a value');
      if (Array.isArray(parent)) insert(parent, key, value, path);
      else put(parent, key, value);
      return;
    case 'set':
      if (value === undefined) throw badRequest('set needs a value');
      if (Array.isArray(parent)) assign(parent, key, value, path);
      else put(parent, key, value);
      return;
    case 'replace':
      if (value === undefined) throw badRequest('replace needs a value');
      must(parent, key, path, op);
      write(parent, key, value);
      return;
    case 'remove':
      must(parent, key, path, op);
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      return;
    case 'incr': {
      if (typeof value !== 'number') throw badRequest('incr needs a number');
      const current = read(parent, key);
      if (current !== undefined && typeof current !== 'number')
        throw badRequest(`incr: ${path} is not a number`);
      write(parent, key, (current ?? 0) + value);
      return;
    }
    case 'move': {
      if (typeof operation.from !== 'string') throw badRequest('move needs from');
      guard(operation.from, partitionPaths);
      const source = locate(root, operation.from);
      must(source.parent, source.key, operation.from, op);
      const moved = read(source.parent, source.key);
      if (Array.isArray(source.parent)) source.parent.splice(Number(source.key), 1);
      else delete source.parent[source.key];
      const target = locate(root, path);
      if (Array.isArray(target.parent)) insert(target.parent, target.key, moved, path);
      else put(target.parent, target.key, moved);
      return;
    }
    default:
      throw badRequest(`the patch operation ${op} is not known`);
  }
}

function guard(path: string, partitionPaths: readonly string[]): void {
  const [first] = segments(path);
  if (first !== undefined && SYSTEM.has(first))
    throw badRequest(`the system property ${path} cannot be patched`);
  if (partitionPaths.some((each) => each === path || each.startsWith(`${path}/`))) {
    throw badRequest(`the partition key ${path} cannot be patched`);
  }
}

function segments(path: string): string[] {
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function locate(root: Record<string, unknown>, path: string): { parent: Node; key: string } {
  const parts = segments(path);
  let parent: unknown = root;
  for (const part of parts.slice(0, -1)) parent = read(parent as Node, part);
  if (parent === null || typeof parent !== 'object') throw badRequest(`the parent of ${path} does not exist`);
  return { parent: parent as Node, key: parts.at(-1) as string };
}

function read(parent: Node | null | undefined, key: string): unknown {
  if (parent === null || typeof parent !== 'object') return undefined;
  if (Array.isArray(parent)) return INDEX.test(key) ? parent[Number(key)] : undefined;
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function write(parent: Node, key: string, value: unknown): void {
  if (!Array.isArray(parent)) put(parent, key, value);
  else if (INDEX.test(key) && Number(key) < parent.length) parent[Number(key)] = value;
  else throw badRequest(`the array has no element ${key}`);
}

/** `__proto__` is a name like any other. */
function put(parent: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, writable: true, configurable: true });
}

function must(parent: Node, key: string, path: string, op: string): void {
  if (read(parent, key) === undefined) throw badRequest(`${op}: ${path} does not exist`);
}

function insert(list: unknown[], key: string, value: unknown, path: string): void {
  if (key === '-') list.push(value);
  else if (INDEX.test(key) && Number(key) <= list.length) list.splice(Number(key), 0, value);
  else throw badRequest(`${path} is outside the array`);
}

function assign(list: unknown[], key: string, value: unknown, path: string): void {
  if (key === '-' || key === String(list.length)) list.push(value);
  else if (INDEX.test(key) && Number(key) < list.length) list[Number(key)] = value;
  else throw badRequest(`${path} is outside the array`);
}
