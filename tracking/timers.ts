/** Starts tracking's timers, each with its period. */
import type { Client } from './fan-out/client.ts';
import type { Fleet } from './fan-out/fleet.ts';
import type { Tickets } from './fan-out/tickets.ts';
import type { Watchers } from './fan-out/watchers.ts';
import type { Guard } from './guard.ts';
import type { Commands } from './ingest/commands.ts';
import type { DroneSockets } from './ingest/drone-sockets.ts';
import type { LinkWatch } from './ingest/link-watch.ts';
import type { Recorder } from './ingest/recorder.ts';
import type { Deliveries } from './state/deliveries.ts';
import type { Drones } from './state/drones.ts';

export interface TimedParts {
  readonly watchers: Watchers;
  readonly fleet: Fleet;
  readonly recorder: Recorder;
  /** Undefined until everything is rebuilt: before that, silence means nothing. */
  readonly links: () => LinkWatch | undefined;
  readonly commands: Commands;
  readonly sockets: DroneSockets;
  readonly deliveries: Deliveries;
  readonly drones: Drones;
  readonly tickets: Tickets;
  readonly guard: Guard;
}

/** Parked drones that have left are forgotten after a day, ms. */
const SILENT_DRONE_MS = 24 * 3600 * 1000;

/** Returns a function that stops them all. */
export function startTimers(parts: TimedParts): () => void {
  const { watchers, fleet, recorder, links, commands, sockets, deliveries, drones, tickets, guard } = parts;
  const tickClient = guard(
    'client',
    (client: Client) => client.tick(),
    (client) => client.cut(),
  );
  const every = (ms: number, cause: string, work: () => unknown) => setInterval(guard(cause, work), ms);
  const timers = [
    every(100, 'clients', () => {
      for (const client of watchers.clients()) tickClient(client);
      for (const client of fleet.clients()) tickClient(client);
    }),
    every(250, 'recorder', recorder.flush),
    every(500, 'fleet', fleet.tick),
    every(1_000, 'link watch', () => links()?.tick()),
    every(2_000, 'commands', commands.repeat),
    every(10_000, 'drone sockets', sockets.beat),
    every(30_000, 'sweep', () => {
      deliveries.forgetEnded();
      drones.forgetSilent(SILENT_DRONE_MS);
      tickets.sweep();
    }),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
