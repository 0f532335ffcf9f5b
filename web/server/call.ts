/** Calls the API as the person who is signed in. */

import {
  type CallArguments,
  createApiClient,
  type RouteRef,
  type Success,
} from '../../shared/http/api-client.ts';
import type { Route } from '../../shared/http/define-route.ts';
import { asProblem, problemOf } from './problem.ts';

/** The answer's body. @throws ApiProblem for a refusal, and when there is no answer */
export type Call = <T extends Route>(
  route: RouteRef<T>,
  ...options: CallArguments<T>
) => Promise<Success<T>['body']>;

/** The part of a session that calls need. */
export interface Credentials {
  /** A token that is valid now; undefined while no user is signed in. */
  readonly token: () => Promise<string | undefined>;
  /** The service refused the token. */
  readonly reject: () => void;
}

/** @param origin of the API; empty for the page's own */
export function createCall({ token, reject }: Credentials, origin = ''): Call {
  const send = createApiClient({ origin, token });
  return async (route, ...options) => {
    const answer = await send(route, ...options).catch((error: unknown) => {
      throw asProblem(error);
    });
    if (answer.ok) return answer.body;
    if (answer.status === 401) reject();
    throw problemOf(answer.status, answer.body);
  };
}
