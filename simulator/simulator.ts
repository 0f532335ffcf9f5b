/** Runs the fleet on the wall clock: advances time, sends events up each drone's link, and takes samples when they are due. */
import type { Telemetry } from '../shared/contracts/flight.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Link } from './link/link.ts';

export interface SimulatorOptions {
  readonly fleet: Fleet;
  readonly links: ReadonlyMap<string, Link>;
  /** Simulated seconds per second. */
  readonly speed: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface Simulator {
  /** Call it often: it does everything that has become due since the last call. */
  readonly tick: () => void;
}

/** Samples are a simulated second apart, but never more than 10, nor less than 1, per second of the wall clock; ms. */
const SAMPLE_MS = { least: 100, most: 1000 };
/** Samples due within this time share a frame, ms. */
const FRAME_MS = 200;
/** Time between the turns of two drones, ms. */
const TURN_MS = 50;
/** Largest step of time after a pause of the machine, ms. */
const MAX_LEAP_MS = 1000;

export function createSimulator({ fleet, links, speed, now }: SimulatorOptions): Simulator {
  const flyingEvery = Math.min(SAMPLE_MS.most, Math.max(SAMPLE_MS.least, SAMPLE_MS.most / speed));
  const due = new Map<string, number>();
  const frames = new Map<string, { samples: Telemetry[]; since: number }>();
  let last = now();

  /** The drones take turns within a second, so a large fleet does not send all at once. */
  for (const [index, { id }] of fleet.drones.entries())
    due.set(id, last + ((index * TURN_MS) % SAMPLE_MS.most));

  const sampleDue = (at: number) => {
    for (const { id, phase } of fleet.drones) {
      const every = phase === 'Parked' ? SAMPLE_MS.most : flyingEvery;
      const next = due.get(id) ?? at;
      if (at >= next) {
        due.set(id, Math.max(next + every, at));
        const frame = frames.get(id) ?? { samples: [], since: at };
        frame.samples.push(fleet.sample(id));
        frames.set(id, frame);
      }
      const frame = frames.get(id);
      if (frame && (every >= FRAME_MS || at - frame.since >= FRAME_MS - every)) {
        links.get(id)?.telemetry(frame.samples);
        frames.delete(id);
      }
    }
  };

  return {
    tick: () => {
      const at = now();
      const events = fleet.advance((Math.min(MAX_LEAP_MS, Math.max(0, at - last)) / 1000) * speed);
      last = at;
      for (const event of events) links.get(event.droneId)?.events([event]);
      sampleDue(at);
    },
  };
}
