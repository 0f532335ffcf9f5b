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

/** A new connection for each request, which ends after its answer. */
class UnsharedAgent extends Agent {
  override keepSocketAlive(): boolean {
    return false;
  }
}
const UNSHARED = new UnsharedAgent({ keepAlive: true });

/** https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2 */
const IDEMPOTENT: readonly unknown[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

function mayRepeat({ method, headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return IDEMPOTENT.includes(method) && !hasBody;
}

const TRACKING_PATHS = /^\/(telemetry|track|fleet|tickets)(\/|\?|$)/;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const pages = servePages(options.pages, options.page);
  const kept = new Agent({ keepAlive: true });
  const proxy = createProxyServer({ xfwd: true, ws: true });
  const forward = async (request: IncomingMessage, response: ServerResponse, target: string) => {
    if (!mayRepeat(request)) return proxy.web(request, response, { target, agent: UNSHARED });
    try {
      await proxy.web(request, response, { target, agent: kept });
    } catch (error) {
      const isLost = (error as NodeJS.ErrnoException).code === 'ECONNRESET' && !response.headersSent;
      if (!isLost || response.destroyed) throw error;
      await proxy.web(request, response, { target, agent: UNSHARED });
    }
  };
  const sockets = new Set<Socket>();
  const targetOf = (url: string) =>
    url.startsWith('/api/') ? options.functions : TRACKING_PATHS.test(url) ? options.tracking : undefined;
  const server = createServer((request, response) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return pages(request, response);
    dropForwarded(request);
    forward(request, response, target).catch(() => unavailable(response));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const target = targetOf(request.url ?? '/');
    if (!target) return socket.destroy();
    dropForwarded(request);
    proxy.ws(request, socket, { target, agent: kept }, head).catch(() => socket.destroy());
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
