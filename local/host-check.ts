/**
 * Keeps web pages of other sites out of the servers on this machine. A page may send requests to loopback, open WebSockets there, and
 * rebind its own name to 127.0.0.1; a browser reveals this in `Host` and `Origin`, which a page cannot change.
 *
 * O1 `Host` names loopback or a name that is configured.
 * O2 `Origin`, if present, is a page of loopback or of a name that is configured; `null` is neither.
 * O3 Both are checked before anything else of a request, and before a WebSocket is opened.
 */
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** The reason why a request is refused; undefined when it is allowed. */
export type HostCheck = (headers: IncomingHttpHeaders) => string | undefined;

export interface AllowedCallers {
  /** Names without a port, as in `Host`; default: those of the setting LOCAL_ALLOWED_HOSTS, separated by commas. */
  readonly hosts?: readonly string[];
  /** Whole origins, as in `Origin`; `*` allows every page. */
  readonly origins?: readonly string[];
}

const LOOPBACK_NAME = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1)$/i;
const PORT = /:\d{1,5}$/;
const PAGE = /^https?:\/\//i;
/** Cache of accepted headers: a client repeats the same ones. */
const MAX_REMEMBERED = 64;

/** @param hostname without a port, an IPv6 address with or without its brackets */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK_NAME.test(hostname);
}

/** @example createHostCheck()({ host: 'evil.example' }) // 'the host evil.example is not this machine …' */
export function createHostCheck(allowed: AllowedCallers = {}): HostCheck {
  const { hosts = (process.env['LOCAL_ALLOWED_HOSTS'] ?? '').split(','), origins = [] } = allowed;
  const names = new Set(hosts.map((name) => name.trim().toLowerCase()).filter(Boolean));
  const pages = new Set(origins.map((origin) => origin.toLowerCase()));
  const good = new Set<string>();
  const isOurs = (authority: string): boolean => {
    if (good.has(authority)) return true;
    const name = authority.replace(PORT, '').toLowerCase();
    if (!isLoopback(name) && !names.has(name)) return false;
    if (good.size < MAX_REMEMBERED) good.add(authority);
    return true;
  };
  const isOurPage = (origin: string): boolean =>
    (PAGE.test(origin) && isOurs(origin.replace(PAGE, ''))) ||
    pages.has('*') ||
    pages.has(origin.toLowerCase());
  return ({ host, origin }) => {
    if (host !== undefined && !isOurs(host))
      return `the host ${host} is not this machine: use localhost, or name it in LOCAL_ALLOWED_HOSTS`;
    if (origin !== undefined && !isOurPage(origin))
      return `pages of ${origin} may not call this server: name its host in LOCAL_ALLOWED_HOSTS`;
    return undefined;
  };
}

/** Puts the check before the listeners that an HTTP server has. */
export function protect(server: Server, check: HostCheck): void {
  const listeners = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const reason = check(request.headers);
    if (reason === undefined) {
      for (const listener of listeners) listener.call(server, request, response);
      return;
    }
    const body = JSON.stringify({ code: 'Forbidden', message: reason });
    response.writeHead(403, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
    request.resume();
  });
  const upgrades = server.listeners('upgrade') as ((request: IncomingMessage, ...rest: unknown[]) => void)[];
  if (upgrades.length === 0) return;
  server.removeAllListeners('upgrade');
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (check(request.headers) !== undefined)
      return void socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    for (const listener of upgrades) listener.call(server, request, socket, head);
  });
}
