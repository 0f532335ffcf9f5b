/** Calls of the API as the person who is signed in. */
import { currentToken, forget } from '../session/session.ts';
import { asProblem, problemOf } from './problem.ts';

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The answer's body, undefined where there is none. @throws ApiProblem */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const token = currentToken();
  const { body, headers, signal } = options;
  const request: RequestInit = {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  };
  const response = await fetch(path, request).catch((error: unknown) => {
    throw asProblem(error);
  });
  if (response.status === 401 && token) forget();
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
