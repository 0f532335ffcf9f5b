/**
 * The drones' sockets: one live socket per drone, frames in, frames out.
 *
 * S1 the newest socket of a drone wins; the one before is closed.
 * S2 a frame that cannot be read is answered with `error` and counted; a socket that sends too many in a row is closed.
 * S3 a socket does not outlive the token that opened it.
 * S4 `hello` comes first: before it nothing else is taken.
 */
import type { RawData, WebSocket } from 'ws';
import type { DroneFrame, ToDroneFrame } from '../../shared/contracts/flight.ts';
import { readFrame } from './read-frame.ts';

export interface DroneSocketsOptions {
  readonly now: () => number;
  readonly onFrame: (droneId: string, frame: DroneFrame) => void;
  readonly onRefused: (droneId: string, reason: string) => void;
}

export interface DroneSockets {
  readonly accept: (droneId: string, socket: WebSocket, expiresAt: number) => void;
  /** False when the drone has no open socket that has said `hello`. */
  readonly send: (droneId: string, frame: ToDroneFrame) => boolean;
  readonly count: () => number;
  readonly closeAll: (code: number, reason: string) => void;
  /** Pings, and ends what does not answer. Call it every few seconds. */
  readonly beat: () => void;
}

interface Link {
  readonly socket: WebSocket;
  readonly expiresAt: number;
  greeted: boolean;
  wrongInRow: number;
  answered: boolean;
}

const MAX_WRONG_IN_ROW = 20;
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1; from 4000 on: our own. */
export const CLOSE = { policy: 1008, restart: 1012, expired: 4401, replaced: 4409 } as const;
/** A drone that does not read its commands for so many bytes is cut off. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export function createDroneSockets({ now, onFrame, onRefused }: DroneSocketsOptions): DroneSockets {
  const links = new Map<string, Link>();

  const write = ({ socket }: Link, frame: ToDroneFrame): boolean => {
    if (socket.readyState !== socket.OPEN) return false;
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      socket.terminate();
      return false;
    }
    socket.send(JSON.stringify(frame));
    return true;
  };

  const refuse = (droneId: string, link: Link, code: string, detail: string) => {
    onRefused(droneId, code);
    link.wrongInRow += 1;
    write(link, { type: 'error', code, detail });
    if (link.wrongInRow >= MAX_WRONG_IN_ROW)
      link.socket.close(CLOSE.policy, 'too many frames that cannot be read');
  };

  const receive = (droneId: string, link: Link, data: RawData, isBinary: boolean) => {
    if (isBinary) return refuse(droneId, link, 'malformed', 'frames are text');
    const read = readFrame(textOf(data));
    if (!read.frame) return refuse(droneId, link, 'malformed', read.wrong);
    if (!link.greeted && read.frame.type !== 'hello') {
      return refuse(droneId, link, 'hello_first', 'the first frame must be hello');
    }
    link.greeted = true;
    link.wrongInRow = 0;
    onFrame(droneId, read.frame);
  };

  return {
    accept: (droneId, socket, expiresAt) => {
      links.get(droneId)?.socket.close(CLOSE.replaced, 'a newer socket of this drone');
      const link: Link = { socket, expiresAt, greeted: false, wrongInRow: 0, answered: true };
      links.set(droneId, link);
      socket.on('message', (data, isBinary) => {
        if (links.get(droneId) === link) receive(droneId, link, data, isBinary);
      });
      socket.on('pong', () => {
        link.answered = true;
      });
      socket.on('error', () => socket.terminate());
      socket.on('close', () => {
        if (links.get(droneId) === link) links.delete(droneId);
      });
    },
    send: (droneId, frame) => {
      const link = links.get(droneId);
      return link?.greeted ? write(link, frame) : false;
    },
    count: () => links.size,
    closeAll: (code, reason) => {
      for (const { socket } of links.values()) socket.close(code, reason);
    },
    beat: () => {
      for (const link of links.values()) {
        if (now() >= link.expiresAt) link.socket.close(CLOSE.expired, 'the token has expired');
        else if (!link.answered) link.socket.terminate();
        else {
          link.answered = false;
          link.socket.ping();
        }
      }
    },
  };
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.concat([data].flat() as Buffer[]).toString();
}
