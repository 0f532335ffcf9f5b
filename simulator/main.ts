/** The simulator's process runs a fleet of drones, as clients of the public API and of tracking, and the sample carrier's van. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientSecret } from '../shared/auth/client-secret.ts';
import { createLog, type Log } from '../shared/telemetry/log.ts';
import { startCarrier } from './carrier/carrier.ts';
import type { SimulatedDrone } from './drone/state.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { type FleetStore, openStore } from './fleet/store.ts';
import { createGate } from './link/gate.ts';
import { type Link, openLink } from './link/link.ts';
import { keepAlive } from './link/links.ts';
import { createTokenSource, discoverOnce, type TokenSource } from './link/token-source.ts';
import { readOptions, type SimulatorSettings } from './options.ts';
import { runProcess } from './process.ts';
import { registerFleet } from './registration.ts';
import { readRecording } from './replay/recordings.ts';
import { createSimulator } from './simulator.ts';

const TICK_MS = 50;
const OPERATOR_CLIENT = 'simulator';
const CARRIER_CLIENT = 'carrier-1';

/** Number of connections that open at the same time: more would only make each of them slower. */
const OPENING_AT_ONCE = 32;

async function run(settings: SimulatorSettings, stopping: AbortSignal): Promise<() => Promise<void>> {
  const log = createLog({ name: 'simulator', level: settings.LOG_LEVEL });
  const recording = settings.replay === undefined ? undefined : await readRecording(settings.replay);
  if (recording)
    log.info(
      { recording: recording.name, ...recording.skipped },
      'the recording was read; these fixes were skipped',
    );
  const store = openStore(settings.data);
  const fleet = createFleet({
    store,
    drones: settings.drones,
    seed: settings.seed,
    now: () => new Date(),
    boot: randomUUID().slice(0, 8),
    onStoreTrouble: (problem) => {
      if (problem === undefined) log.info('the state can be written again; nothing was lost');
      else log.error({ err: problem }, 'the state cannot be written: the flights go on in memory');
    },
    ...(recording ? { recording } : {}),
  });
  const tokens = tokensOf(settings);
  const links = linksOf(fleet, store, settings, tokens, log);
  const carrier = await carrierOf(settings, tokens, log);
  const simulator = createSimulator({ fleet, links, speed: settings.speed, now: Date.now });
  const ticking = setInterval(simulator.tick, TICK_MS);
  const stopKeeping = keepAlive(links, store);
  const registered = registerFleet({
    origin: settings.API_BASE_URL,
    token: tokens(OPERATOR_CLIENT),
    drones: fleet.drones,
    log,
    signal: stopping,
    wait: async (ms) => {
      await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
    },
  }).then(() => log.info({ drones: fleet.drones.length }, 'the fleet is registered'));
  return async () => {
    clearInterval(ticking);
    stopKeeping();
    await registered;
    await carrier?.[Symbol.asyncDispose]();
    simulator.tick();
    fleet.save();
    await Promise.all([...links.values()].map((link) => link[Symbol.asyncDispose]()));
    store[Symbol.dispose]();
  };
}

type Tokens = (clientId: string) => TokenSource;

function tokensOf(settings: SimulatorSettings): Tokens {
  const endpoint = discoverOnce(settings.IDENTITY_ISSUER);
  return (clientId) =>
    createTokenSource({
      endpoint,
      clientId,
      clientSecret: clientSecret(settings.DEMO_CLIENT_KEY, clientId),
      now: Date.now,
      ...(settings.API_AUDIENCE ? { scope: `${settings.API_AUDIENCE}/.default` } : {}),
    });
}

function linksOf(
  fleet: Fleet,
  store: FleetStore,
  settings: SimulatorSettings,
  tokens: Tokens,
  log: Log,
): Map<string, Link> {
  const gate = createGate(OPENING_AT_ONCE);
  const linkOf = (drone: SimulatedDrone) =>
    openLink({
      droneId: drone.id,
      url: settings.TRACKING_URL,
      token: tokens(drone.id),
      gate,
      hello: () => ({ boot: fleet.boot, newestFence: drone.newestFence }),
      pending: () => store.pending(drone.id),
      onCommand: fleet.handle,
      onAck: store.acknowledge,
      log,
      random: Math.random,
    });
  return new Map(fleet.drones.map((drone) => [drone.id, linkOf(drone)]));
}

/** The sample carrier, if the settings ask for it. */
async function carrierOf(settings: SimulatorSettings, tokens: Tokens, log: Log) {
  const { CARRIER_PORT: port, CARRIER_API_KEY: apiKey, data: dataDir, speed } = settings;
  if (port === undefined || apiKey === undefined) return undefined;
  const token = tokens(CARRIER_CLIENT);
  return startCarrier({ port, dataDir, apiKey, token, speed, log, now: Date.now });
}

await runProcess({
  name: 'simulator',
  start: async (stopping) => {
    const settings = readOptions(process.argv.slice(2), process.env);
    const close = await run(settings, stopping);
    return { close, ready: `${settings.drones} drones in the city at ${settings.speed} times the clock` };
  },
});
