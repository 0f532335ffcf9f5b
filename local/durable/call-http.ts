/** The built-in activity behind `callHttp`, with its polling rules. */
import type { HttpAction } from './action-types.ts';
import type { HistoryEvent } from './history.ts';

export const HTTP_ACTIVITY = 'BuiltIn::HttpActivity';
const HTTP_POLL_MS = 30_000;

export interface HttpActivityResult {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
}

/** .NET keeps these headers with the content, and the real activity drops them. */
const CONTENT_HEADER = /^(allow|expires|last-modified|content-.*)$/i;

/** Sends one request; redirects are not followed, and no status is an error. @throws when no answer arrives */
export async function callHttp(request: HttpAction): Promise<HttpActivityResult> {
  const isWithoutBody = /^(get|head)$/i.test(request.method) || !request.content;
  const response = await fetch(request.uri, {
    method: request.method.toUpperCase(),
    redirect: 'manual',
    headers: { ...request.headers },
    ...(isWithoutBody ? {} : { body: request.content }),
  });
  return {
    statusCode: response.status,
    headers: Object.fromEntries([...response.headers].filter(([name]) => !CONTENT_HEADER.test(name))),
    content: await response.text(),
  };
}

/** After 202 with a Location: the next request and its time; a function key is not sent along. */
export function polling(
  request: HttpAction,
  event: HistoryEvent,
): { request: HttpAction; afterMs: number } | undefined {
  const result = JSON.parse(event.Result ?? 'null') as {
    statusCode?: number;
    headers?: Record<string, string>;
  } | null;
  const headers = new Map(
    Object.entries(result?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const location = headers.get('location');
  if (result?.statusCode !== 202 || !location) return undefined;
  const seconds = Number(headers.get('retry-after'));
  const kept = Object.entries(request.headers ?? {}).filter(
    ([name]) => name.toLowerCase() !== 'x-functions-key',
  );
  return {
    request: {
      method: 'GET',
      uri: new URL(location, request.uri).href,
      headers: Object.fromEntries(kept),
      asynchronousPatternEnabled: true,
    },
    afterMs: seconds > 0 ? seconds * 1000 : HTTP_POLL_MS,
  };
}
