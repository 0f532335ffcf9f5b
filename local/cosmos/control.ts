/**
 * Controls faults and counts over HTTP, for tests and benchmarks in another process: `POST /faults` adds one (JSON), `DELETE /faults`
 * clears all, `GET /requests` counts the requests so far by container and operation.
 */
import { type Control, startControl as start } from '../control.ts';
import { readFault } from './faults.ts';
import type { CosmosServer } from './server.ts';

export function startControl(
  { faults, requests }: Pick<CosmosServer, 'faults' | 'requests'>,
  port: number,
): Promise<Control> {
  return start(
    {
      'POST /faults': (body) => faults.add(readFault(body)),
      'DELETE /faults': () => faults.clear(),
      'GET /requests': requests,
    },
    port,
  );
}
