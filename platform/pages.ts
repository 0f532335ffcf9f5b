/**
 * Serves the built pages as static files.
 *
 * G1 Only GET and HEAD are served; other methods get 405.
 * G2 A page's path gets that page, which reads the path itself; a missing asset and an operational path get 404.
 * G3 Files are compressed at build time, are revalidated by their ETag at each load, and come in ranges.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import sirv from 'sirv';
import { AppError, toProblem } from '../shared/errors.ts';
import type { PageConfig } from '../web/session/config.ts';

const PAGES: Readonly<Record<string, string>> = { '/api-docs': '/api.html' };
const MAIN_PAGE = '/index.html';
const ASSET = /\.(html|js|css|json|svg|png|ico|webp|woff2|txt|xml|map|webmanifest)$/;
/** Paths of the API, of probes and of the Functions host: they are not pages, and the gateway does not pass them on. */
const OPERATIONS = /^\/(api|admin|runtime|metrics|healthz|livez|readyz|servingz|\.[^/]*)(\/|$)/;
/** The one form of a range that is honoured; a request with another gets the whole file, as RFC 9110 allows. */
const RANGE = /^bytes=(\d+)-(\d*)$/;

export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * @param folder of the built pages
 * @param config is answered as `/config.json`
 */
export function servePages(folder: string, config: PageConfig): PageHandler {
  const headers = Object.entries(pageHeaders(config));
  const files = sirv(folder, {
    dev: true,
    etag: true,
    brotli: true,
    gzip: true,
    setHeaders: (response) => {
      for (const [name, value] of headers) response.setHeader(name, value);
    },
  });
  const body = Buffer.from(JSON.stringify(config));
  return (request, response) => {
    const path = pathOf(request.url ?? '/');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return refuse(response, new AppError('method_not_allowed', 'use GET or HEAD to read a page'));
    }
    if (path === '/config.json') {
      response.writeHead(200, { ...Object.fromEntries(headers), 'content-type': 'application/json' });
      response.end(body);
      return;
    }
    if (!hasUsableRange(request.headers.range)) delete request.headers.range;
    const page = PAGES[path] ?? path;
    const missing = () => refuse(response, new AppError('not_found', 'there is no such page'));
    if (OPERATIONS.test(path)) return missing();
    request.url = page;
    files(request, response, () => {
      if (ASSET.test(page)) return missing();
      request.url = MAIN_PAGE;
      files(request, response, missing);
    });
  };
}

/** Answers with problem+json. */
export function refuse(response: ServerResponse, error: AppError): void {
  const seconds = error.options.retryAfterSeconds;
  response.writeHead(error.status, {
    'content-type': 'application/problem+json',
    'x-content-type-options': 'nosniff',
    ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
  });
  response.end(JSON.stringify(toProblem(error)));
}

function pageHeaders({ issuer }: PageConfig): Record<string, string> {
  return {
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'self'; connect-src 'self' ${new URL(issuer).origin}; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'`,
  };
}

function hasUsableRange(range = ''): boolean {
  const [, from, to] = RANGE.exec(range) ?? [];
  return from !== undefined && (!to || Number(from) <= Number(to));
}

function pathOf(url: string): string {
  return url.split(/[?#]/)[0] || '/';
}
