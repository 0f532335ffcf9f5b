/** Makes the answers of the management API in the form of a real host. */
import type { EngineResponse } from '../functions-host/contract.ts';

export const CONNECTION_NAME = 'Storage';

export function reply(
  status: number,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): EngineResponse {
  if (body === undefined) return { status, headers };
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/** An error with the members that a real host adds to it. */
export function problem(status: number, message: string, detail = message): EngineResponse {
  return reply(status, {
    Message: message,
    ExceptionMessage: detail,
    ExceptionType: 'System.InvalidOperationException',
    StackTrace: '',
  });
}
