/** The OpenAPI document as this page reads it. https://spec.openapis.org/oas/v3.1.1 */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly contentEncoding?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
  readonly $ref?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly 'x-roles'?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export interface Service {
  readonly name: string;
  readonly routes: readonly Route[];
}

/** Levels of a schema that are shown; one that contains itself ends here. */
const DEEPEST = 12;

/** @throws Error when it cannot be read */
export async function loadDocument(): Promise<ApiDocument> {
  const response = await fetch('/api/openapi.json');
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  return (await response.json()) as ApiDocument;
}

/** The routes that contain all words of the search, by service, in the document's order. */
export function servicesOf({ paths }: ApiDocument, search = ''): Service[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]): Route => ({ method: method.toUpperCase(), path, operation }),
    ),
  );
  const found = routes.filter((route) => words.every((word) => textOf(route).includes(word)));
  const groups = Map.groupBy(found, ({ operation }) => operation.tags[0] ?? 'other');
  return [...groups].map(([name, routes]) => ({ name, routes }));
}

function textOf({ method, path, operation }: Route): string {
  const { summary, operationId, tags, parameters = [], 'x-roles': roles = ['public'] } = operation;
  const names = parameters.map(({ name }) => name);
  return [method, path, summary, operationId, ...tags, ...roles, ...names].join(' ').toLowerCase();
}

/** Replaces a reference by its schema; the other members beside the reference stay. */
export function resolved(schema: Schema, { components }: ApiDocument): Schema {
  const { $ref, ...beside } = schema;
  const name = $ref?.split('/').at(-1);
  return name === undefined ? schema : { ...components.schemas[name], ...beside };
}

/** Replaces all references below a schema, as deep as a page or an example shows them. */
export function expanded(schema: Schema, document: ApiDocument, depth = 0): Schema {
  if (depth > DEEPEST) return {};
  const { properties, items, anyOf, oneOf, ...whole } = resolved(schema, document);
  const below = (part: Schema) => expanded(part, document, depth + 1);
  return {
    ...whole,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, below(part)])),
    }),
    ...(items && { items: below(items) }),
    ...(anyOf && { anyOf: anyOf.map(below) }),
    ...(oneOf && { oneOf: oneOf.map(below) }),
  };
}
