/** Serves the API, tracking's streams and the pages at one public origin, as a gateway does in Azure. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createHostCheck, protect } from 'azure-local/host-check';
import { listen } from 'azure-local/loopback';
import { createProxyServer } from 'httpxy';
import { AppError } from '../shared/errors.ts';
import type { PageConfig } from '../web/session/config.ts';
import { refuse, servePages } from './pages.ts';

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

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const pages = servePages(options.pages, options.page);
  const agent = new Agent({ keepAlive: true });
  const proxy = createProxyServer({ xfwd: true, ws: true, agent });
  const sockets = new Set<Socket>();
  const targetOf = (url: string) =>
    url.startsWith('/api/') ? options.functions : TRACKING_PATHS.test(url) ? options.tracking : undefined;
  const server = createServer((request, response) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return pages(request, response);
    dropForwarded(request);
    proxy.web(request, response, { target }).catch(() => unavailable(response));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return socket.destroy();
    dropForwarded(request);
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

/** This is the first proxy, so the client has invented these headers; the proxy would pass them on. */
function dropForwarded({ headers }: IncomingMessage): void {
  for (const name of ['for', 'port', 'proto', 'host']) delete headers[`x-forwarded-${name}`];
}

function unavailable(response: ServerResponse): void {
  if (response.headersSent) return void response.destroy();
  refuse(
    response,
    new AppError('dependency_unavailable', 'this part of the service is restarting: try again', {
      retryAfterSeconds: 1,
    }),
  );
}
