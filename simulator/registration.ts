/** Registers the fleet by the public API; a drone that is registered already keeps its entry as it is. */
import type { Log } from '../shared/telemetry/log.ts';
import type { SimulatedDrone } from './drone/state.ts';
import type { TokenSource } from './link/token-source.ts';
import { airframeOf, performanceOf } from './physics/airframes.ts';

export interface RegistrationOptions {
  /** Origin of the public API, without `/api`. */
  readonly origin: string;
  readonly token: TokenSource;
  readonly drones: readonly SimulatedDrone[];
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly wait: (ms: number) => Promise<void>;
}

const TIMEOUT_MS = 10_000;
const PAUSE = { first: 250, longest: 5_000 };
/** Drones that are registered at one time. */
const AT_ONCE = 8;

/** Until every drone is registered, or the signal ends it. */
export async function registerFleet(options: RegistrationOptions): Promise<void> {
  const queue = [...options.drones];
  const worker = async () => {
    for (let drone = queue.shift(); drone && !options.signal.aborted; drone = queue.shift()) {
      await registerOne(drone, options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function registerOne(drone: SimulatedDrone, options: RegistrationOptions): Promise<void> {
  for (let pause = PAUSE.first; !options.signal.aborted; pause = Math.min(PAUSE.longest, pause * 2)) {
    const problem = await attempt(drone, options);
    if (problem === undefined) return;
    options.log.info({ droneId: drone.id, problem }, 'not registered yet');
    await options.wait(pause);
  }
}

async function attempt(drone: SimulatedDrone, options: RegistrationOptions): Promise<string | undefined> {
  try {
    const { value } = await options.token();
    const response = await fetch(`${options.origin}/api/drones/${drone.id}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${value}`,
        'content-type': 'application/json',
        'if-none-match': '*',
      },
      body: JSON.stringify({
        model: drone.model,
        performance: performanceOf(airframeOf(drone.model)),
        base: drone.base,
        health: 'Ok',
        acceptsMissions: true,
      }),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    return response.ok || response.status === 412 ? undefined : `answered ${response.status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
