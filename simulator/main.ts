/** The simulator's process: a fleet of drones as clients of the public API and of tracking, and the sample carrier's van. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientSecret } from '../shared/auth/client-secret.ts';
import { createLog } from '../shared/telemetry/log.ts';
import { startCarrier } from './carrier.ts';
import { createFleet } from './fleet/fleet.ts';
import { openStore } from './fleet/store.ts';
import { type Link, openLink } from './link/link.ts';
import { createTokenSource } from './link/token-source.ts';
import { readOptions, type SimulatorSettings } from './options.ts';
import { runProcess } from './process.ts';
import { registerFleet } from './registration.ts';
import { readRecording } from './replay/recordings.ts';
import { createSimulator } from './simulator.ts';

const TICK_MS = 50;
const OPERATOR_CLIENT = 'simulator';
const CARRIER_CLIENT = 'carrier-1';

async function run(settings: SimulatorSettings, stopping: AbortSignal): Promise<() => Promise<void>> {
  const log = createLog({ name: 'simulator', level: settings.LOG_LEVEL });
  const recording = settings.replay === undefined ? undefined : await readRecording(settings.replay);
  const store = openStore(settings.data);
  const fleet = createFleet({
    store,
    drones: settings.drones,
    seed: settings.seed,
    now: () => new Date(),
    boot: randomUUID().slice(0, 8),
    ...(recording ? { recording } : {}),
  });
  const tokens = (clientId: string) =>
    createTokenSource({
      issuer: settings.IDENTITY_ISSUER,
      clientId,
      clientSecret: clientSecret(settings.DEMO_CLIENT_KEY, clientId),
      now: Date.now,
      ...(settings.API_AUDIENCE ? { scope: `${settings.API_AUDIENCE}/.default` } : {}),
    });
  const links = new Map<string, Link>();
  for (const drone of fleet.drones) {
    const link = openLink({
      droneId: drone.id,
      url: settings.TRACKING_URL,
      token: tokens(drone.id),
      hello: () => ({ boot: fleet.boot, newestFence: drone.newestFence }),
      pending: () => store.pending(drone.id),
      onCommand: fleet.handle,
      onAck: store.acknowledge,
      log,
      random: Math.random,
    });
    links.set(drone.id, link);
  }
  const carrier =
    settings.CARRIER_PORT === undefined || settings.CARRIER_API_KEY === undefined
      ? undefined
      : await startCarrier({
          port: settings.CARRIER_PORT,
          dataDir: settings.data,
          apiKey: settings.CARRIER_API_KEY,
          token: tokens(CARRIER_CLIENT),
          speed: settings.speed,
          log,
          now: Date.now,
        });
  const simulator = createSimulator({ fleet, links, speed: settings.speed, now: Date.now });
  const ticking = setInterval(simulator.tick, TICK_MS);
  const registered = registerFleet({
    origin: settings.API_BASE_URL,
    token: tokens(OPERATOR_CLIENT),
    drones: fleet.drones,
    log,
    signal: stopping,
    wait: async (ms) => {
      await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
    },
  });
  await registered;
  while (!stopping.aborted && [...links.values()].some((link) => !link.isOpen())) await sleep(TICK_MS);
  return async () => {
    clearInterval(ticking);
    await carrier?.[Symbol.asyncDispose]();
    simulator.tick();
    fleet.save();
    await Promise.all([...links.values()].map((link) => link[Symbol.asyncDispose]()));
    store[Symbol.dispose]();
  };
}

await runProcess({
  name: 'simulator',
  start: async (stopping) => {
    const settings = readOptions(process.argv.slice(2), process.env);
    const close = await run(settings, stopping);
    return { close, ready: `${settings.drones} drones in the city at ${settings.speed} times the clock` };
  },
});
