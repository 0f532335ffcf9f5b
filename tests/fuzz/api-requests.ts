/**
 * Requests made from the OpenAPI document: right ones, and right ones with one thing wrong. Each carries a marker of its own wherever a
 * caller may write a text.
 */
import type { Random } from '../harness/random.ts';
import { HOSTILE } from '../security/hostile.ts';
import type { JsonSchema } from '../security/slots.ts';

export interface FuzzRequest {
  readonly marker: string;
  readonly operation: string;
  readonly method: string;
  /** Of the contract, with its parameters in braces. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whose token it has; undefined: none. */
  readonly caller: string | undefined;
  /** What is wrong with it, in words. */
  readonly fault: string;
}

export interface FuzzOptions {
  readonly random: Random;
  /** Distinguishes this run's markers from those of others. */
  readonly run: string;
  /** Callers by the role that the document names. */
  readonly callers: Readonly<Record<string, readonly string[]>>;
  /** Values that lead to something that exists, by the name of the field or parameter. */
  readonly known: Readonly<Record<string, readonly unknown[]>>;
}

interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Reference;
}

type Reference = JsonSchema & { readonly $ref?: string };

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Reference }>> };
  readonly 'x-roles'?: readonly string[];
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Reference>> };
}

/** How often a request has nothing wrong with it. */
const RIGHT = 0.3;
const MAX_DEPTH = 8;

export function createRequests(document: OpenApiDocument, options: FuzzOptions): (n: number) => FuzzRequest {
  const { random, run, callers, known } = options;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const everyone = [...new Set(Object.values(callers).flat())];

  const resolved = (schema: Reference): JsonSchema => {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : resolved(document.components.schemas[name] ?? {});
  };

  const takes = ({ type, format, pattern, minLength = 0, maxLength = Infinity }: JsonSchema, text: string) =>
    type === 'string' &&
    format === undefined &&
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern, 'u').test(text));

  /** A value that the schema allows, with the marker where it fits. */
  function make(reference: Reference, name: string, marker: string, depth = 0): unknown {
    const schema = resolved(reference);
    const values = known[name];
    if (values && random() < 0.85) return random.pick(values);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return random.pick(schema.enum);
    const branches = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (branches) return make(random.pick(branches), name, marker, depth);
    if (takes(schema, marker)) return marker;
    const [least, most] = [schema.minimum ?? schema.exclusiveMinimum ?? 0, schema.maximum ?? 100];
    switch (schema.type) {
      case 'object':
        return Object.fromEntries(
          Object.entries(schema.properties ?? {})
            .filter(([key]) => schema.required?.includes(key) || (depth < MAX_DEPTH && random() < 0.4))
            .map(([key, each]) => [key, make(each, key, marker, depth + 1)]),
        );
      case 'array':
        return Array.from({ length: Math.max(schema.minItems ?? 0, random.below(2)) }, () =>
          make(schema.items ?? {}, '', marker, depth + 1),
        );
      case 'integer':
        return Math.min(most, Math.ceil(least) + random.below(5));
      case 'number':
        return least + random() * Math.min(most - least, 5);
      case 'boolean':
        return random() < 0.5;
      case 'string':
        return schema.format === 'date-time'
          ? new Date(Date.now() + 3_600_000).toISOString()
          : schema.format === 'date'
            ? new Date().toISOString().slice(0, 10)
            : 'sample';
      default:
        return marker;
    }
  }

  return (n) => {
    const marker = `mk${run}x${n}x`;
    const { path, method, operation } = operations[n % operations.length] as (typeof operations)[number];
    const parameters = operation.parameters ?? [];
    const given = (place: Parameter['in']) =>
      Object.fromEntries(
        parameters
          .filter((each) => each.in === place && (each.required || random() < 0.5))
          .map(({ name, schema }) => [name, String(make(schema, name, marker))]),
      );
    const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    const value = content ? make(content.schema, '', marker) : undefined;
    const roles = operation['x-roles'] ?? [];
    const right: FuzzRequest = {
      marker,
      operation: operation.operationId,
      method,
      path,
      params: given('path'),
      query: given('query'),
      headers: {
        ...(type ? { 'content-type': type } : {}),
        ...(random() < 0.2 ? { 'idempotency-key': marker } : {}),
      },
      body: value === undefined ? undefined : JSON.stringify(value),
      caller: random.pick(roles.flatMap((role) => callers[role] ?? [])) ?? random.pick(everyone),
      fault: 'none',
    };
    return random() < RIGHT ? right : random.pick(FAULTS)(right, value, { random, everyone });
  };
}

type Fault = (
  right: FuzzRequest,
  value: unknown,
  by: { readonly random: Random; readonly everyone: readonly string[] },
) => FuzzRequest;

/** The places of a value, each as the keys that lead there. */
function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => placesOf(each, [...path, key]))];
}

const HOLE = '@@hole@@';

function withHole(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return HOLE;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = withHole(copy[key], rest);
  return copy;
}

const hostileBody: Fault = (right, value, { random }) => {
  if (value === undefined) return hostileParameter(right, value, { random, everyone: [] });
  const [name, json] = random.pick(HOSTILE);
  const text = JSON.stringify(withHole(value, random.pick(placesOf(value))));
  return { ...right, body: text.replace(`"${HOLE}"`, () => json), fault: `the body has ${name}` };
};

const hostileParameter: Fault = (right, _, { random }) => {
  const places = (['params', 'query'] as const).filter((part) => Object.keys(right[part]).length > 0);
  if (places.length === 0) return { ...right, query: { unknown: right.marker }, fault: 'an unknown query' };
  const part = random.pick(places);
  const name = random.pick(Object.keys(right[part]));
  const [title, json] = random.pick(HOSTILE);
  // Longer ones are no request: the server refuses the line.
  const text = json.slice(0, 2_000).toWellFormed();
  return { ...right, [part]: { ...right[part], [name]: text }, fault: `${part}.${name} is ${title}` };
};

const FAULTS: readonly Fault[] = [
  hostileBody,
  hostileBody,
  hostileParameter,
  (right, value, { random }) => {
    if (typeof value !== 'object' || value === null) return { ...right, body: right.marker, fault: 'a body' };
    const keys = Object.keys(value);
    const gone = random.pick(keys);
    const rest = Object.fromEntries(Object.entries(value).filter(([key]) => key !== gone));
    return { ...right, body: JSON.stringify(rest), fault: `${gone} is missing` };
  },
  (right, value) => {
    const body = JSON.stringify({ ...(value as object), [`extra-${right.marker}`]: right.marker });
    return { ...right, body, fault: 'an unknown field' };
  },
  (right, value) => ({
    ...right,
    body: JSON.stringify({ ...(value as object), marker: right.marker }).slice(0, -1),
    fault: 'the body ends too early',
  }),
  (right) => ({
    ...right,
    headers: { ...right.headers, 'content-type': `text/${right.marker}` },
    fault: 'another content type',
  }),
  (right, _, { random, everyone }) => ({ ...right, caller: random.pick(everyone), fault: 'another caller' }),
  (right) => ({ ...right, caller: undefined, fault: 'no token' }),
  (right) => ({
    ...right,
    headers: { ...right.headers, 'x-account-id': right.marker },
    fault: 'another account',
  }),
];

/** What a run has answered, and what it must not have. */
export interface Tally {
  readonly add: (request: FuzzRequest, status: number, detail: string) => void;
  readonly accepted: ReadonlySet<string>;
  readonly rejected: ReadonlySet<string>;
  /** How many answers there were of each status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Operations that have accepted a request. */
  readonly operations: ReadonlySet<string>;
  /** Answers of 500 and above, in words. */
  readonly failures: readonly string[];
}

export function createTally(): Tally {
  const [accepted, rejected, operations] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  return {
    accepted,
    rejected,
    statuses,
    operations,
    failures,
    add: ({ marker, operation, fault }, status, detail) => {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status >= 500)
        failures.push(`${marker} ${operation} (${fault}): ${status} ${detail.slice(0, 300)}`);
      if (status >= 400) rejected.add(marker);
      else {
        accepted.add(marker);
        operations.add(operation);
      }
    },
  };
}

/** The markers of this run in a text. */
export function markersIn(text: string, run: string): ReadonlySet<string> {
  return new Set(text.match(new RegExp(`mk${run}x\\d+x`, 'g')) ?? []);
}
