/** For tests: a fleet with its links in virtual time, missions to fly, and a folder that is removed at the end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Position } from '../shared/contracts/common.ts';
import type { DroneCommand, Mission } from '../shared/contracts/flight.ts';
import { etaFrom } from '../shared/geo/eta.ts';
import { geocode } from '../shared/geo/service-area/service-area.ts';
import { createLog } from '../shared/telemetry/log.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { type FleetStore, openStore } from './fleet/store.ts';
import { createGate } from './link/gate.ts';
import { type Link, openLink } from './link/link.ts';
import { airframeOf, performanceOf } from './physics/airframes.ts';
import type { Track } from './replay/track.ts';
import { createSimulator } from './simulator.ts';

/** Events are repeated this often, on the real clock. */
const REPEAT_MS = 20;

export const silent = createLog({ name: 'test', level: 'silent' });

export const address = (text: string): Position => {
  const position = geocode(text);
  if (!position) throw new Error(`the test asks for an address that is not there: ${text}`);
  return position;
};

export const PICKUP = address('200 Market Street');
export const DROPOFF = address('412 Beacon Street');

export async function folder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'simulator-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface WorldOptions {
  readonly data: string;
  readonly drones?: number;
  readonly seed?: number;
  readonly recording?: Track;
  readonly boot?: string;
  /** Start of the virtual wall clock, ms. */
  readonly start?: number;
  /** Where tracking is; without it the fleet is not linked. */
  readonly url?: string;
  readonly speed?: number;
}

export interface TestWorld extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly store: FleetStore;
  readonly links: ReadonlyMap<string, Link>;
  readonly now: () => number;
  /** Lets wall-clock seconds pass, with turns for the sockets in between. */
  readonly pass: (seconds: number, until?: () => boolean) => Promise<void>;
  /** As `kill -9` would: nothing more is sent or saved. */
  readonly kill: () => Promise<void>;
}

export function openWorld(options: WorldOptions): TestWorld {
  let clock = options.start ?? Date.parse('2026-01-01T00:00:00Z');
  const store = openStore(options.data);
  const fleet = createFleet({
    store,
    drones: options.drones ?? 3,
    seed: options.seed ?? 1,
    now: () => new Date(clock),
    boot: options.boot ?? 'boot-1',
    ...(options.recording ? { recording: options.recording } : {}),
  });
  const links = new Map<string, Link>();
  const gate = createGate(8);
  for (const drone of options.url === undefined ? [] : fleet.drones) {
    const link = openLink({
      droneId: drone.id,
      url: options.url as string,
      token: async () => ({ value: drone.id, expiresAt: Date.now() + 3_600_000 }),
      hello: () => ({ boot: fleet.boot, newestFence: drone.newestFence }),
      pending: () => store.pending(drone.id),
      onCommand: fleet.handle,
      onAck: store.acknowledge,
      log: silent,
      random: () => 0.5,
      gate,
      timing: { firstRetry: 5, longestRetry: 20 },
    });
    links.set(drone.id, link);
  }
  const repeating = setInterval(() => {
    for (const droneId of store.dronesWithPending()) links.get(droneId)?.repeat();
  }, REPEAT_MS);
  const simulator = createSimulator({ fleet, links, speed: options.speed ?? 1, now: () => clock });
  const close = async () => {
    clearInterval(repeating);
    await Promise.all([...links.values()].map((link) => link[Symbol.asyncDispose]()));
    store[Symbol.dispose]();
  };
  return {
    fleet,
    store,
    links,
    now: () => clock,
    pass: async (seconds, until) => {
      for (let i = 0; i < seconds * 2; i += 1) {
        if (until?.()) return;
        clock += 500;
        simulator.tick();
        if (links.size > 0) await turn();
      }
    },
    kill: close,
    [Symbol.asyncDispose]: async () => {
      fleet.save();
      await close();
    },
  };
}

export function missionFor(fleet: Fleet, droneId: string, change: Partial<Mission> = {}): Mission {
  const drone = fleet.drone(droneId);
  if (!drone) throw new Error(`no ${droneId}`);
  const eta = etaFrom(new Date('2026-01-01T00:05:00Z'), 0, 60);
  return {
    missionId: `mission-${droneId}`,
    deliveryId: `delivery-${droneId}`,
    droneId,
    owner: { userId: 'user-1', accountId: 'account-1' },
    fence: 1,
    pickup: PICKUP,
    dropoff: DROPOFF,
    base: drone.base,
    payload: 1,
    performance: performanceOf(airframeOf(drone.model)),
    pickupEta: eta,
    deliveryEta: eta,
    ...change,
  };
}

export function missionCommand(mission: Mission, commandId = `command-${mission.missionId}`): DroneCommand {
  const { droneId, deliveryId, missionId, fence } = mission;
  return { kind: 'Mission', commandId, droneId, deliveryId, missionId, fence, mission };
}

export function recallCommand(mission: Mission, commandId = `recall-${mission.missionId}`): DroneCommand {
  const { droneId, deliveryId, missionId, fence } = mission;
  return { kind: 'Recall', commandId, droneId, deliveryId, missionId, fence, reason: 'cancelled' };
}

/** Waits, on the real clock, for something that sockets bring. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
