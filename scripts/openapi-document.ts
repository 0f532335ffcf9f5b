/** The OpenAPI document of all services, as the repository keeps it: services, paths and methods in alphabetical order. */
import { API_INFO } from '../shared/contracts/api-info.ts';
import { SCHEMAS } from '../shared/contracts/schemas.ts';
import type { Route } from '../shared/http/define-route.ts';
import { openApi } from '../shared/http/openapi.ts';
import { ROUTES } from '../tests/security/routes.ts';

const ORIGIN = 'http://127.0.0.1:7071';

export function openApiDocument(): string {
  const routes = ROUTES.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return `${JSON.stringify(openApi(routes, { ...API_INFO, origin: ORIGIN }, SCHEMAS), null, 2)}\n`;
}

function keyOf({ service, path, method }: Route): string {
  return [service, path, method].join(' ');
}
