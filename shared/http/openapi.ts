/** The OpenAPI 3.1 document, made from the routes. */
import { z } from 'zod';
import { Bytes, type HonouredHeader, type Route } from './define-route.ts';

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Origin of the API. */
  readonly origin: string;
}

/** https://spec.openapis.org/oas/v3.1.1 */
export function openApi(routes: readonly Route[], info: OpenApiInfo): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = `/api/${route.path}`;
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.1',
    info: { title: info.title, version: info.version, description: info.description },
    servers: [{ url: info.origin }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: PROBLEM },
    },
  };
}

const PROBLEM: Json = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable, for programs' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

function operation(route: Route): Json {
  return {
    operationId: route.operation,
    summary: route.summary,
    tags: [route.service],
    ...(route.auth === 'public' ? {} : { security: [{ bearer: [] }], 'x-roles': route.auth }),
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...headerParameters(route),
    ],
    ...(route.hasBody
      ? {
          requestBody: {
            required: true,
            content: { [route.contentType]: { schema: schemaOf(route.body, 'input') } },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, schema]) => [status, answer(status, schema)]),
      ),
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function answer(status: string, schema: z.ZodType | null): Json {
  const description = DESCRIPTIONS[status] ?? 'Success';
  if (schema === Bytes) return { description, content: { 'application/octet-stream': {} } };
  return schema
    ? { description, content: { 'application/json': { schema: schemaOf(schema, 'output') } } }
    : { description };
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'Done, no content',
};

function parameters(schema: z.ZodType, where: 'path' | 'query'): Json[] {
  const json = schemaOf(schema, 'input') as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required ?? []).includes(name),
    schema: property,
  }));
}

const HEADERS: Readonly<Record<HonouredHeader, readonly [name: string, description: string]>> = {
  'idempotency-key': ['Idempotency-Key', 'Repeats the request without a second effect; kept for 24 hours'],
  'if-match': ['If-Match', 'Changes the resource only while it still has this ETag'],
};

function headerParameters(route: Route): Json[] {
  return route.honours.map((header) => {
    const [name, description] = HEADERS[header];
    return { name, in: 'header', required: false, description, schema: { type: 'string', maxLength: 255 } };
  });
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  });
  return json;
}
