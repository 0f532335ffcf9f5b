/** A fleet of any size as tracking would stream it: a frame each second, every other drone in the air. */
import type { ServerResponse } from 'node:http';
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import { startServer, type TestServer } from './http-server.ts';

export interface SyntheticFleet extends TestServer {
  /** The stream says nothing more, and new ones are refused. */
  readonly silence: () => void;
}

const CENTRE = { latitude: 47.605, longitude: -122.31 };
const FRAME_MS = 1_000;
/** One drone in this many is lost. */
const LOST_EACH = 50;

export async function startSyntheticFleet(size: number): Promise<SyntheticFleet> {
  const watchers = new Set<ServerResponse>();
  let isSilent = false;
  const server = await startServer((_, response) => {
    if (isSilent) return void response.writeHead(503).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
    response.write(encoded(size));
  });
  const timer = setInterval(() => {
    if (isSilent) return;
    const frame = encoded(size);
    for (const watcher of watchers) watcher.write(frame);
  }, FRAME_MS);
  const closeServer = server[Symbol.asyncDispose];
  return Object.assign(server, {
    silence: () => {
      isSilent = true;
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const watcher of watchers) watcher.destroy();
      await closeServer();
    },
  });
}

const encoded = (size: number) => `data: ${JSON.stringify(frameOf(size, Date.now()))}\n\n`;

function frameOf(size: number, now: number): FleetFrame {
  const drones = Array.from({ length: size }, (_, index): FleetFrame['drones'][number] => {
    const isFlying = index % 2 === 0;
    const [east, north] = [((index % 50) - 25) / 600, (Math.floor(index / 50) - size / 100) / 900];
    const flown = isFlying ? ((now / FRAME_MS + index) % 60) / 20_000 : 0;
    return {
      droneId: `drone-${index + 1}`,
      time: new Date(now).toISOString(),
      position: {
        latitude: CENTRE.latitude + north + flown,
        longitude: CENTRE.longitude + east,
        altitude: isFlying ? 80 : 0,
      },
      heading: (index * 7) % 360,
      battery: ((index % 80) + 20) / 100,
      flightMode: isFlying ? 'Inflight' : 'Ready',
      leg: isFlying ? 'ToPickup' : 'Idle',
      link: index % LOST_EACH === 0 ? 'lost' : 'live',
    };
  });
  return { type: 'fleet', drones };
}
