/** Streams the fleet to operators: one frame with all drones, twice a second, serialized once for all operators. */
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import type { Drone } from '../state/drones.ts';
import type { Client } from './client.ts';
import { encode } from './encoded.ts';

export interface FleetOptions {
  readonly drones: () => Iterable<Drone>;
  readonly now: () => number;
  /** ms of silence after which a drone's link counts as lost. */
  readonly lostAfter: number;
  readonly onPush?: (count: number, conflated: number) => void;
}

export interface Fleet {
  readonly join: (client: Client) => void;
  /** Sends a frame to all operators. Call it twice a second. */
  readonly tick: () => void;
  readonly clients: () => Iterable<Client>;
  readonly count: () => number;
}

export function createFleet({ drones, now, lostAfter, onPush }: FleetOptions): Fleet {
  const clients = new Set<Client>();
  const frame = () => encode(fleetFrame(drones(), now(), lostAfter));
  return {
    join: (client) => {
      client.send(frame());
      clients.add(client);
      client.onClose(() => clients.delete(client));
    },
    tick: () => {
      if (clients.size === 0) return;
      const encoded = frame();
      let conflated = 0;
      for (const client of clients) if (!client.sendLatest(encoded)) conflated += 1;
      onPush?.(clients.size, conflated);
    },
    clients: () => clients,
    count: () => clients.size,
  };
}

function fleetFrame(drones: Iterable<Drone>, now: number, lostAfter: number): FleetFrame {
  const shown: FleetFrame['drones'] = [];
  for (const { droneId, track, lastFrameAt } of drones) {
    const { latest } = track;
    if (!latest) continue;
    const { time, position, heading, battery, flightMode, leg, deliveryId } = latest;
    shown.push({
      droneId,
      time,
      position,
      heading,
      battery,
      flightMode,
      leg,
      ...(deliveryId ? { deliveryId } : {}),
      link: now - lastFrameAt >= lostAfter ? 'lost' : 'live',
    });
  }
  return { type: 'fleet', drones: shown };
}
