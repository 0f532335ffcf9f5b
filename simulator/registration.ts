/** Registers the fleet by the public API; a drone that is registered already keeps its entry as it is. */
import { putDrone } from '../shared/contracts/routes.gen.ts';
import { createApiClient } from '../shared/http/api-client.ts';
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
  const call = createApiClient({ origin: options.origin, token: async () => (await options.token()).value });
  try {
    const { status, ok } = await call(putDrone, {
      params: { droneId: drone.id },
      body: {
        model: drone.model,
        performance: performanceOf(airframeOf(drone.model)),
        base: drone.base,
        cargoBay: airframeOf(drone.model).cargoBay,
        health: 'Ok',
        acceptsMissions: true,
      },
      headers: { 'if-none-match': '*' },
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return ok || status === 412 ? undefined : `answered ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
