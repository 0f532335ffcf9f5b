/**
 * Reads a request as Kestrel does, the web server of the real host: Node's parser accepts more.
 *
 * K1 Everything that Kestrel refuses is an empty 400: a target that is not a path, `%00` in a path, an absolute target with another host
 *    than `Host`, two `Host` lines, a header that is not UTF-8.
 * K2 Dot segments, also those written as `%2e`, are resolved before the route is matched.
 * K3 Several lines of one header are one value, joined by commas; Node drops all but the first of some of them.
 * Source: dotnet/aspnetcore, src/Servers/Kestrel/Core/src/Internal/Http/Http1Connection.cs, and exchanges with a real host.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** Whether a target needs a closer look: a dot after a slash, an escaped dot or null, or no slash at its beginning. */
const UNUSUAL_TARGET = /\/\.|%2e|%00|^[^/]/i;
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;
const BEYOND_ASCII = /[\x80-\xff]/;

/** Replaces the url and the headers of the request by Kestrel's. False: it is a bad request. */
export function readAsKestrel(request: IncomingMessage): boolean {
  const { url = '/' } = request;
  if (UNUSUAL_TARGET.test(url)) {
    const target = targetOf(url, request.headers.host);
    if (target === undefined) return false;
    request.url = target;
  }
  return readHeaders(request);
}

/** Undefined: refused. */
function targetOf(url: string, host: string | undefined): string | undefined {
  let target = url;
  const [absolute] = ABSOLUTE.exec(url) ?? [];
  if (absolute !== undefined) {
    if (!URL.canParse(absolute) || !isSameHost(new URL(absolute), host)) return undefined;
    target = url.slice(absolute.length).replace(/^(?!\/)/, '/');
  }
  if (target === '*') return '/';
  if (!target.startsWith('/')) return undefined;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (path.includes('%00')) return undefined;
  return withoutDots(path) + (mark < 0 ? '' : target.slice(mark));
}

/** The default port may be present or absent. */
function isSameHost(absolute: URL, host: string | undefined): boolean {
  const { host: authority, port } = absolute;
  return (
    host === authority ||
    (port === '' && host === `${authority}:${absolute.protocol === 'https:' ? 443 : 80}`)
  );
}

/** https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4 */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const plain = segment.replaceAll(/%2e/gi, '.');
    if (plain === '..') kept.pop();
    if (plain !== '.' && plain !== '..') kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

function readHeaders(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  let isPlain = true;
  for (let index = 1; index < rawHeaders.length; index += 2)
    if (BEYOND_ASCII.test(rawHeaders[index] as string)) isPlain = false;
  const lines = rawHeaders.length / 2;
  if (isPlain && lines === Object.keys(request.headers).length) return true;
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const bytes = Buffer.from(rawHeaders[index + 1] as string, 'latin1');
    if (!isUtf8(bytes) || (name === 'host' && headers[name] !== undefined)) return false;
    const value = bytes.toString();
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  request.headers = headers;
  return true;
}
