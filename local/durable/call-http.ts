/** The built-in activity behind `callHttp`. */
import type { HttpAction } from './actions.ts';

export interface HttpActivityResult {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
}

/** .NET keeps these with the content, and the real activity leaves them behind. */
const CONTENT_HEADER = /^(allow|expires|last-modified|content-.*)$/i;

/** One request; redirects are not followed and no status is an error. @throws when there is no answer at all */
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
