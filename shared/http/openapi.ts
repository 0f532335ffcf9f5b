/** The OpenAPI 3.1 document, made from the routes. https://spec.openapis.org/oas/v3.1.1 */
import type { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiParameters,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { Bytes, type HonouredHeader, type Route } from './define-route.ts';
import { describeNumbers, type OpenApiDocument, withoutUnused } from './openapi-schemas.ts';
import { PROBLEMS, Problem, problemStatusesOf } from './problems.ts';

export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Origin of the API. */
  readonly origin: string;
}

/** @param schemas those that the document shows by name if a route uses them */
export function openApi(
  routes: readonly Route[],
  info: OpenApiInfo,
  schemas: Readonly<Record<string, z.ZodType>> = {},
): OpenApiDocument {
  const { title, version, description, origin } = info;
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const operations = (paths[`/api/${route.path}`] ??= {});
    operations[route.method.toLowerCase()] = operation(route);
  }
  const document = createDocument(
    {
      openapi: '3.1.1',
      info: { title, version, description, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: origin }],
      tags: [...new Set(routes.map(({ service }) => service))].map((name) => ({
        name,
        description: `Routes of the service ${name}`,
      })),
      paths,
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
        schemas: { ...schemas, Problem },
      },
    },
    { override: describeNumbers },
  );
  return withoutUnused(document as unknown as OpenApiDocument);
}

function operation(route: Route): ZodOpenApiOperationObject {
  const headers = headerParameters(route);
  return {
    operationId: route.operation,
    summary: route.summary,
    tags: [route.service],
    ...(route.auth === 'public' ? { security: [] } : { security: [{ bearer: [] }], 'x-roles': route.auth }),
    requestParams: {
      path: route.params as NonNullable<ZodOpenApiParameters['path']>,
      query: route.query as NonNullable<ZodOpenApiParameters['query']>,
    },
    ...(headers.length > 0 ? { parameters: headers } : {}),
    ...(route.hasBody
      ? { requestBody: { required: true, content: { [route.contentType]: { schema: route.body } } } }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, schema]) => [
          status,
          { ...answer(status, schema), ...etagOf(route, status) },
        ]),
      ),
      ...Object.fromEntries(problemStatusesOf(route).map((status) => [status, problem(PROBLEMS[status])])),
      default: problem('The server failed'),
    },
  };
}

function answer(status: string, schema: z.ZodType | null): ZodOpenApiResponseObject {
  const description = DESCRIPTIONS[status] ?? 'Success';
  if (schema === Bytes) return { description, content: { 'application/octet-stream': {} } };
  return schema ? { description, content: { 'application/json': { schema } } } : { description };
}

/** A 202 names no version: the change is yet to come. */
function etagOf({ versioned, method }: Route, status: string): Pick<ZodOpenApiResponseObject, 'headers'> {
  if (!versioned || method === 'DELETE' || status === '202') return {};
  const schema = { type: 'string' } as const;
  return { headers: { ETag: { description: 'Version of the resource, for `If-Match`', schema } } };
}

function problem(description: string): ZodOpenApiResponseObject {
  return { description, content: { 'application/problem+json': { schema: Problem } } };
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'Done; there is no content',
};

const HEADERS: Readonly<Record<HonouredHeader, readonly [name: string, description: string]>> = {
  'idempotency-key': [
    'Idempotency-Key',
    'Makes a repetition of the request safe: it has no second effect. Kept for 24 hours',
  ],
  'if-match': ['If-Match', 'Changes the resource only if it still has this ETag'],
};

function headerParameters(route: Route) {
  return route.honours.map((header) => {
    const [name, description] = HEADERS[header];
    const schema = { type: 'string', maxLength: 255 } as const;
    return { name, in: 'header', required: false, description, schema } as const;
  });
}
