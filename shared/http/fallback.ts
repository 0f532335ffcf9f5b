/** The answer to a request that no function matches. */
import { AppError } from '../errors.ts';
import type { Route } from './define-route.ts';

/** 405 if the path has other methods. A host may send a path with an empty segment here: that is 404. */
export function refusalOf(
  routes: readonly Pick<Route, 'method' | 'path'>[],
  method: string,
  path: string,
): AppError {
  const allowed = new Set(routes.filter((route) => matches(route.path, path)).map((route) => route.method));
  if (allowed.size === 0 || [...allowed].some((one) => one === method)) {
    return new AppError('not_found', 'no route has this path');
  }
  const allow = [...allowed].join(', ');
  return new AppError('method_not_allowed', `use ${allow} here, not ${method}`, { headers: { allow } });
}

function matches(template: string, path: string): boolean {
  const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`, 'i').test(path);
}
