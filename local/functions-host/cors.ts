/**
 * Applies CORS like Core Tools: `Host.CORS` of local.settings.json, origins separated by commas or `*`, and `Host.CORSCredentials`.
 * https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface CorsSettings {
  readonly origins: readonly string[];
  readonly withCredentials: boolean;
}

/** Adds the CORS headers to the answer. True: the request was a preflight, and has been answered. */
export type Cors = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Undefined if no page may read answers. */
export function createCors({ origins, withCredentials }: CorsSettings): Cors | undefined {
  if (origins.length === 0) return undefined;
  const isAny = origins.includes('*');
  const isAllowed = (origin: string) =>
    isAny || origins.some((each) => each.toLowerCase() === origin.toLowerCase());
  return (request, response) => {
    const {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': names,
    } = request.headers;
    if (origin === undefined) return false;
    const isPreflight = request.method === 'OPTIONS' && method !== undefined;
    if (isAllowed(origin)) {
      response.setHeader('access-control-allow-origin', isAny && !withCredentials ? '*' : origin);
      if (withCredentials) response.setHeader('access-control-allow-credentials', 'true');
      if (!isAny && origins.length > 1) response.setHeader('vary', 'Origin');
      if (isPreflight) {
        response.setHeader('access-control-allow-methods', method);
        if (names !== undefined) response.setHeader('access-control-allow-headers', names);
      }
    }
    if (isPreflight) response.writeHead(204).end();
    return isPreflight;
  };
}
