/** A client of the original: it knows methods, paths and JSON, and nothing of our contracts. */
import type { Harness, Reply, RequestOptions } from '../../harness/service.ts';
import { ROUTES } from '../../security/routes.ts';

/** As a host matches: `deliveries/summary` before `deliveries/{deliveryId}`. */
const LITERAL_FIRST = ROUTES.toSorted((a, b) => a.path.split('{').length - b.path.split('{').length);

export type Call = (line: string, options?: Omit<RequestOptions, 'params' | 'query'>) => Promise<Reply>;

/** @returns calls by a request line: `GET /api/deliveries/d1/status`. @throws Error when no route has the path and method */
export function originalClient(harness: Harness): Call {
  return (line, options = {}) => {
    const [method, target = ''] = line.split(' ');
    const { pathname, searchParams } = new URL(target, 'http://localhost');
    for (const route of LITERAL_FIRST) {
      if (route.method !== method) continue;
      const params = match(`/api/${route.path}`, pathname);
      if (params) {
        return harness.request(route, { ...options, params, query: Object.fromEntries(searchParams) });
      }
    }
    throw new Error(`no route serves ${line}`);
  };
}

function match(template: string, path: string): Record<string, string> | undefined {
  const names = template.split('/');
  const values = path.split('/');
  if (names.length !== values.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const value = values[index] as string;
    if (name.startsWith('{')) params[name.slice(1, -1)] = decodeURIComponent(value);
    else if (name !== value) return undefined;
  }
  return params;
}
