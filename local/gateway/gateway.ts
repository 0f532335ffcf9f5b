/** One public origin: the API, tracking's streams and the pages. In Azure a gateway does the same. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { createProxyServer } from 'httpxy';

export interface GatewayOptions {
  readonly port: number;
  readonly functions: string;
  readonly tracking: string;
  /** Folder of the built pages. */
  readonly pages: string;
}

export interface Gateway extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const TRACKING_PATHS = /^\/(telemetry|track|fleet|tickets)(\/|\?|$)/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};
const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const proxy = createProxyServer({ xfwd: true, ws: true, agent });
  const sockets = new Set<Socket>();
  const targetOf = (url: string) =>
    url.startsWith('/api/') ? options.functions : TRACKING_PATHS.test(url) ? options.tracking : undefined;
  const server = createServer((request, response) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return page(request, response, options.pages);
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
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, HOST, resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
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
function page(request: IncomingMessage, response: ServerResponse, folder: string): void {
  const [path = '/'] = (request.url ?? '/').split('?');
  const wanted = normalize(join(folder, decodeURIComponent(path)));
  const inside = wanted.startsWith(folder) && existsSync(wanted) && statSync(wanted).isFile();
  const file = inside
    ? wanted
    : extname(path) === ''
      ? join(folder, path === '/api' ? 'api.html' : 'index.html')
      : undefined;
  if (!file || !existsSync(file)) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    ...PAGE_HEADERS,
  });
  createReadStream(file).pipe(response);
}
