/** `GET /api/openapi.json`: the OpenAPI document of the services that this app serves. */
import { app, type HttpResponseInit } from '@azure/functions';
import { API_INFO } from '../shared/contracts/api-info.ts';
import { SCHEMAS } from '../shared/contracts/schemas.ts';
import type { Route } from '../shared/http/define-route.ts';
import { openApi } from '../shared/http/openapi.ts';

/** The document changes only with a deployment. */
const HEADERS = { 'cache-control': 'public, max-age=300', 'x-content-type-options': 'nosniff' };

/** @param origin of the API, as its callers know it */
export function registerApiDocument(routes: readonly Route[], origin: string): void {
  let answer: HttpResponseInit | undefined;
  app.http('api_openapi', {
    methods: ['GET'],
    route: 'openapi.json',
    authLevel: 'anonymous',
    handler: () => {
      answer ??= { jsonBody: openApi(routes, { ...API_INFO, origin }, SCHEMAS), headers: HEADERS };
      return answer;
    },
  });
}
