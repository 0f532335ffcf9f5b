/** One public origin: the API, tracking's streams and the pages. In Azure a gateway does the same. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { createHostCheck, protect } from 'azure-local/host-check';
import { listen } from 'azure-local/loopback';
import { createProxyServer } from 'httpxy';
import type { PageConfig } from '../web/session/config.ts';

export interface GatewayOptions {
  readonly port: number;
  readonly functions: string;
  readonly tracking: string;
  /** Folder of the built pages. */
  readonly pages: string;
  /** Answered as `/config.json`. */
  readonly page: PageConfig;
}

export interface Gateway extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

const TRACKING_PATHS = /^\/(telemetry|track|fleet|tickets)(\/|\?|$)/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};
const PAGES: Readonly<Record<string, string>> = { '/api-docs': 'api.html' };

function pageHeaders({ issuer }: PageConfig): Record<string, string> {
  return {
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'self'; connect-src 'self' ${issuer}; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'`,
  };
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const proxy = createProxyServer({ xfwd: true, ws: true, agent });
  const sockets = new Set<Socket>();
  const targetOf = (url: string) =>
    url.startsWith('/api/') ? options.functions : TRACKING_PATHS.test(url) ? options.tracking : undefined;
  const server = createServer((request, response) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return page(request, response, options);
    proxy.web(request, response, { target }).catch(() => unavailable(response));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return socket.destroy();
    proxy.ws(request, socket, { target }, head).catch(() => socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  protect(server, createHostCheck());
  const port = await listen(server, options.port);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, close, [Symbol.asyncDispose]: close };
}

function unavailable(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy();
  const problem = {
    type: 'urn:fabrikam:problem:dependency_unavailable',
    title: 'dependency unavailable',
    status: 503,
    code: 'dependency_unavailable',
    detail: 'this part of the service is being started again',
  };
  response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
  response.end(JSON.stringify(problem));
}

/** A file of the pages; every other path is the page itself, which reads the path. */
function page(request: IncomingMessage, response: ServerResponse, options: GatewayOptions): void {
  const path = pathOf(request.url ?? '/');
  const headers = pageHeaders(options.page);
  if (path === '/config.json') {
    response.writeHead(200, { ...headers, 'content-type': TYPES['.json'] });
    response.end(JSON.stringify(options.page));
    return;
  }
  const file = path === undefined ? undefined : fileOf(path, options.pages);
  if (!file || !existsSync(file)) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    return;
  }
  response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
}

function pathOf(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split('?')[0] ?? '/');
  } catch {
    return undefined;
  }
}

function fileOf(path: string, folder: string): string | undefined {
  const wanted = normalize(join(folder, path));
  if (wanted.startsWith(join(folder, sep)) && existsSync(wanted) && statSync(wanted).isFile()) return wanted;
  if (extname(path) in TYPES) return undefined;
  return join(folder, PAGES[path] ?? 'index.html');
}
