/** Requests and answers of the routes, independent of HTTP. */
import { randomUUID } from 'node:crypto';
import { badRequest } from './errors.ts';
import type { ItemStore } from './items.ts';
import type { ContainerRow, Store } from './store.ts';

export interface Request {
  readonly method: string;
  /** Decoded segments: `['dbs', 'a', 'colls', 'b']`. */
  readonly segments: readonly string[];
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  /** `http://127.0.0.1:8081` */
  readonly origin: string;
  /** Calls `leave` when the caller's connection ends; the returned function cancels that. */
  readonly leaving: (leave: () => void) => () => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or the bytes of a batch's results. */
  readonly body?: string | Buffer;
  /** Request units. */
  readonly charge?: number;
}

export interface RouteContext {
  readonly store: Store;
  readonly items: ItemStore;
  /** Physical partitions of each container. */
  readonly ranges: number;
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: JSON.stringify(value),
});

/** @throws CosmosError 400 */
export function parsed<T>(request: Request): T {
  try {
    return JSON.parse(request.body.toString()) as T;
  } catch {
    throw badRequest('The request body is not JSON');
  }
}

/** @throws CosmosError 400 */
export function parsedObject<T extends object>(request: Request): T {
  const body = parsed<T>(request);
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw badRequest('The request body is not a JSON object');
  return body;
}

export const isTrue = (value: string | undefined) => value?.toLowerCase() === 'true';
export const isQuery = ({ header }: Request) => isTrue(header('x-ms-documentdb-isquery'));
export const newEtag = () => `"${randomUUID()}"`;

export function containerHeaders(container: ContainerRow): Record<string, string> {
  return {
    'x-ms-session-token': `0:-1#${container.lsn}`,
    'x-ms-content-path': container.rid,
    lsn: String(container.lsn),
  };
}
