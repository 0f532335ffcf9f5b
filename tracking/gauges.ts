/** Gauges for the sizes of tracking's parts, read when the metrics are requested. */
import type { Fleet } from './fan-out/fleet.ts';
import type { Watchers } from './fan-out/watchers.ts';
import type { DeadLetters } from './hubs/dead-letters.ts';
import type { Commands } from './ingest/commands.ts';
import type { DroneSockets } from './ingest/drone-sockets.ts';
import type { Metrics } from './metrics.ts';
import type { Deliveries } from './state/deliveries.ts';
import type { Drones } from './state/drones.ts';

export interface MeasuredParts {
  readonly sockets: DroneSockets;
  readonly drones: Drones;
  readonly deliveries: Deliveries;
  readonly watchers: Watchers;
  readonly fleet: Fleet;
  readonly commands: Commands;
  readonly deadLetters: DeadLetters;
}

export function registerGauges({ gauge }: Metrics, parts: MeasuredParts): void {
  const { sockets, drones, deliveries, watchers, fleet, commands, deadLetters } = parts;
  gauge('tracking_drones_connected', 'Drones with an open socket', sockets.count);
  gauge('tracking_drones_known', 'Drones with a state', drones.size);
  gauge('tracking_deliveries_known', 'Deliveries in memory', () => deliveries.size().deliveries);
  gauge('tracking_missions_known', 'Missions in memory', () => deliveries.size().missions);
  gauge('tracking_watchers', 'Streams of single deliveries', watchers.count);
  gauge('tracking_operators', 'Streams of the fleet', fleet.count);
  gauge('tracking_commands_pending', 'Commands that wait for confirmation', commands.pending);
  gauge('tracking_dead_letters_waiting', 'Dead letters that wait for the supervisor', deadLetters.waiting);
}
