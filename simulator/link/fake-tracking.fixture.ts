/** For tests: a WebSocket server that speaks tracking's side of the drone protocol, and remembers what it was told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  DroneFrame,
  type FlightEvent,
  type Telemetry,
  type ToDroneFrame,
} from '../../shared/contracts/flight.ts';

export interface FakeTracking extends AsyncDisposable {
  readonly url: string;
  readonly hellos: { droneToken: string; boot: string; newestFence: number }[];
  readonly telemetry: Telemetry[];
  /** Each event as often as it was sent. */
  readonly events: FlightEvent[];
  readonly received: string[];
  /** While true, events are not acknowledged. */
  deaf: boolean;
  readonly send: (droneToken: string, frame: ToDroneFrame) => void;
  readonly sendText: (droneToken: string, text: string) => void;
  readonly dropAll: () => void;
}

/** A drone is known by its bearer token, which the tests choose to be its id. */
export async function startFakeTracking(): Promise<FakeTracking> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const byToken = new Map<string, WebSocket>();
  const fake: FakeTracking = {
    url: '',
    hellos: [],
    telemetry: [],
    events: [],
    received: [],
    deaf: false,
    send: (droneToken, frame) => byToken.get(droneToken)?.send(JSON.stringify(frame)),
    sendText: (droneToken, text) => byToken.get(droneToken)?.send(text),
    dropAll: () => {
      for (const socket of byToken.values()) socket.terminate();
    },
    [Symbol.asyncDispose]: async () => {
      fake.dropAll();
      sockets.close();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  sockets.on('connection', (socket, request) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    byToken.set(token, socket);
    socket.on('message', (data: Buffer) => {
      const frame = DroneFrame.parse(JSON.parse(data.toString('utf8')));
      if (frame.type === 'hello')
        fake.hellos.push({ droneToken: token, boot: frame.boot, newestFence: frame.newestFence });
      else if (frame.type === 'telemetry') fake.telemetry.push(...frame.samples);
      else if (frame.type === 'received') fake.received.push(frame.commandId);
      else {
        fake.events.push(frame.event);
        if (!fake.deaf) socket.send(JSON.stringify({ type: 'ack', eventId: frame.event.eventId }));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(fake, { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/telemetry` });
}
