/** Registers the fleet through the public API; a drone that is already registered keeps its entry. */
import { listDrones, putDrone } from '../shared/contracts/routes.gen.ts';
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

/** Number of drones in one page of the list. */
const PAGE_SIZE = 500;
const TIMEOUT_MS = 30_000;
const PAUSE = { first: 250, longest: 5_000 };
/** Number of drones that are registered at the same time. */
const AT_ONCE = 16;
/** Number of registered drones between two lines of the log. */
const REPORT_EVERY = 500;

/** Resolves when every drone is registered, or the signal is aborted. */
export async function registerFleet(options: RegistrationOptions): Promise<void> {
  const { drones, log, signal } = options;
  const call = createApiClient({ origin: options.origin, token: async () => (await options.token()).value });
  const known = new Set(await untilDone(options, () => registeredIds(call, signal)));
  // In the order of the API's list, so that who waits for the fleet reads each page once.
  const queue = drones.filter(({ id }) => !known.has(id)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const total = queue.length;
  let done = 0;
  const worker = async () => {
    for (let drone = queue.shift(); drone && !signal.aborted; drone = queue.shift()) {
      const next = drone;
      await untilDone(options, () => register(call, next, signal));
      done += 1;
      if (done % REPORT_EVERY === 0) log.info({ done, total }, 'registering drones');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

type Call = ReturnType<typeof createApiClient>;

/** The first result, after any number of failures; undefined when the signal is aborted. */
async function untilDone<T>(
  { log, signal, wait }: RegistrationOptions,
  attempt: () => Promise<T>,
): Promise<T | undefined> {
  for (let pause = PAUSE.first; !signal.aborted; pause = Math.min(PAUSE.longest, pause * 2)) {
    try {
      return await attempt();
    } catch (error) {
      log.info({ problem: (error as Error).message }, 'not registered yet');
      await wait(pause);
    }
  }
  return undefined;
}

async function registeredIds(call: Call, signal: AbortSignal): Promise<string[]> {
  const ids: string[] = [];
  let continuation: string | undefined;
  do {
    const query = { limit: PAGE_SIZE, ...(continuation ? { continuation } : {}) };
    const answer = await call(listDrones, { query, signal: within(signal) });
    if (!answer.ok) throw new Error(`the list of drones answered ${answer.status}`);
    ids.push(...answer.body.drones.map(({ id }) => id));
    ({ continuation } = answer.body);
  } while (continuation);
  return ids;
}

async function register(call: Call, drone: SimulatedDrone, signal: AbortSignal): Promise<void> {
  const { ok, status } = await call(putDrone, {
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
    signal: within(signal),
  });
  if (!ok && status !== 412) throw new Error(`${drone.id}: answered ${status}`);
}

const within = (signal: AbortSignal) => AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
