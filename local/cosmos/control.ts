/** Faults over HTTP, for tests in another process: `POST /faults` adds one (JSON), `DELETE /faults` clears all. */
import { type Control, startControl as start } from '../control.ts';
import { type Faults, readFault } from './faults.ts';

export function startControl(faults: Faults, port: number): Promise<Control> {
  return start(
    { 'POST /faults': (body) => faults.add(readFault(body)), 'DELETE /faults': () => faults.clear() },
    port,
  );
}
