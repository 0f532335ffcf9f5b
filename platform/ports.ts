/** Checks that the platform's ports are free, before anything is built or started. */
import { createServer } from 'node:net';
import { AMQPS_PORT, type PlatformOptions, PORTS, type PortName, portOf } from './options.ts';

/** @throws Error that names every port in use, in one message */
export async function checkPorts(options: PlatformOptions): Promise<void> {
  const names = Object.keys(PORTS) as PortName[];
  const free = await Promise.all(names.map((name) => isFree(portOf(options, name))));
  const taken = names.filter((_, index) => !free[index]).map((name) => `${portOf(options, name)} (${name})`);
  if (options.identity && !(await isFree(AMQPS_PORT)))
    taken.push(`${AMQPS_PORT} (event-hubs with --identity)`);
  if (taken.length > 0)
    throw new Error(
      `in use: port ${taken.join(', port ')}. Stop the other program, or start with --port-base N`,
    );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
