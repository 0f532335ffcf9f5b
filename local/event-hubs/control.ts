/**
 * Controls faults over HTTP, for tests in another process: `POST /faults` adds one (JSON), `DELETE /faults` clears all, `POST /drop`
 * cuts every connection, `POST /detach` (`{"hub": "…", "condition": "…"}`) detaches every link of a hub.
 */
import { type Control, startControl as start } from '../control.ts';
import { type Faults, readFault } from './faults.ts';

/** @param port 0: any free port */
export function startControl(faults: Faults, port: number): Promise<Control> {
  return start(
    {
      'POST /faults': (body) => faults.add(readFault(body)),
      'DELETE /faults': () => faults.clear(),
      'POST /drop': () => faults.dropConnections(),
      'POST /detach': (body) => {
        const { hub, condition } = Object(body) as { hub?: unknown; condition?: unknown };
        if (typeof hub !== 'string') throw new Error('hub is missing');
        if (condition !== undefined && typeof condition !== 'string') throw new Error('condition is no text');
        faults.detachLinks(hub, condition);
      },
    },
    port,
  );
}
