/** The problems that a route can answer, as OpenAPI declares them. */
import { z } from 'zod';
import type { Route } from './define-route.ts';

/** RFC 9457 problem details. */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.string().describe('Stable; programs decide by it'),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .describe('RFC 9457 problem details; some codes add their own facts');

export const PROBLEMS = {
  400: 'The path, the query, a header or the body is not valid; `errors` names each field',
  401: 'The bearer token is missing, expired or not valid',
  403: 'The caller may not do this',
  404: 'The resource does not exist, or belongs to another account',
  409: 'The state of the resource does not allow this',
  412: 'The resource no longer has the ETag of `If-Match`',
  413: 'The body is larger than 256 KiB',
  415: 'The content type or encoding of the body is not supported',
  422: 'The request is valid, but the service cannot carry it out',
  429: 'Too many requests: wait for `Retry-After` seconds',
  503: 'A dependency does not answer: try again later',
} as const;
export type ProblemStatus = keyof typeof PROBLEMS;

/** In ascending order. Every route can also answer 500, 502 and 504, the `default` of the document. */
export function problemStatusesOf(route: Route): ProblemStatus[] {
  const isPublic = route.auth === 'public';
  const hasParameters = /\{\w+\}/.test(route.path);
  const writes = route.method !== 'GET';
  const statuses: [ProblemStatus, boolean][] = [
    [400, true],
    [401, !isPublic],
    [403, !isPublic],
    [404, hasParameters || !isPublic],
    [409, writes],
    [412, route.honours.includes('if-match')],
    [413, route.hasBody],
    [415, route.hasBody],
    [422, route.hasBody || route.honours.includes('idempotency-key')],
    [429, true],
    [503, true],
  ];
  return statuses.filter(([, applies]) => applies).map(([status]) => status);
}
