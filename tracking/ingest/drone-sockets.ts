/**
 * Manages the drones' sockets: one live socket per drone, frames in, frames out.
 *
 * S1 The newest socket of a drone wins; the previous one is closed.
 * S2 A frame that cannot be read is answered with `error` and counted; a socket that sends too many in a row is closed.
 * S3 A socket does not outlive the token that opened it.
 * S4 `hello` comes first: no other frame is accepted before it.
 * S5 The number of frames per second is limited (frame-rate.ts). Dropping is safe: a drone repeats its events until they
 *    are acknowledged, and newer positions follow.
 * S6 A frame whose handling fails ends its socket, and nothing else.
 */
import type { RawData, WebSocket } from 'ws';
import type { DroneFrame, ToDroneFrame } from '../../shared/contracts/flight.ts';
import type { Guard } from '../guard.ts';
import { type FrameRate, newFrameRate, takeFrame } from './frame-rate.ts';
import { readFrame } from './read-frame.ts';

export interface DroneSocketsOptions {
  readonly now: () => number;
  readonly guard: Guard;
  readonly maxFramesPerSecond: number;
  readonly onRefused: (droneId: string, reason: string) => void;
}

export type OnFrame = (droneId: string, frame: DroneFrame) => void;

export interface DroneSockets {
  readonly accept: (droneId: string, socket: WebSocket, expiresAt: number, onFrame: OnFrame) => void;
  /** False when the drone has no open socket that has said `hello`. */
  readonly send: (droneId: string, frame: ToDroneFrame) => boolean;
  readonly count: () => number;
  readonly closeAll: (code: number, reason: string) => void;
  /** Pings all sockets, and ends those that do not answer. Call it every few seconds. */
  readonly beat: () => void;
}

interface Link {
  readonly socket: WebSocket;
  readonly expiresAt: number;
  readonly onFrame: OnFrame;
  readonly rate: FrameRate;
  greeted: boolean;
  wrongInRow: number;
  answered: boolean;
}

const MAX_WRONG_IN_ROW = 20;
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1; codes from 4000 on are private. */
export const CLOSE = { policy: 1008, restart: 1012, expired: 4401, replaced: 4409, tooMany: 4429 } as const;
/** A drone with more unread bytes than this is cut off. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export function createDroneSockets(options: DroneSocketsOptions): DroneSockets {
  const { now, guard, maxFramesPerSecond, onRefused } = options;
  const links = new Map<string, Link>();

  const refuse = (droneId: string, link: Link, code: string, detail: string) => {
    onRefused(droneId, code);
    link.wrongInRow += 1;
    write(link, { type: 'error', code, detail });
    if (link.wrongInRow >= MAX_WRONG_IN_ROW)
      link.socket.close(CLOSE.policy, 'too many frames that cannot be read');
  };

  const isWithinRate = (droneId: string, link: Link): boolean => {
    const verdict = takeFrame(link.rate, maxFramesPerSecond, now());
    if (verdict === 'taken') return true;
    onRefused(droneId, 'too_many_frames');
    const detail = `more than ${maxFramesPerSecond} frames per second`;
    if (verdict === 'told') write(link, { type: 'error', code: 'too_many_frames', detail });
    else if (verdict === 'cut') link.socket.close(CLOSE.tooMany, detail);
    return false;
  };

  const receive = (droneId: string, link: Link, data: RawData, isBinary: boolean) => {
    if (!isWithinRate(droneId, link)) return undefined;
    if (isBinary) return refuse(droneId, link, 'malformed', 'frames must be text');
    const read = readFrame(textOf(data));
    if (!read.frame) return refuse(droneId, link, 'malformed', read.wrong);
    if (!link.greeted && read.frame.type !== 'hello') {
      return refuse(droneId, link, 'hello_first', 'the first frame must be hello');
    }
    link.greeted = true;
    link.wrongInRow = 0;
    return link.onFrame(droneId, read.frame);
  };

  return {
    accept: (droneId, socket, expiresAt, onFrame) => {
      links.get(droneId)?.socket.close(CLOSE.replaced, 'this drone has opened a newer socket');
      const state = { rate: newFrameRate(), greeted: false, wrongInRow: 0, answered: true };
      const link: Link = { socket, expiresAt, onFrame, ...state };
      links.set(droneId, link);
      const onMessage = (data: RawData, isBinary: boolean) => {
        if (links.get(droneId) === link) receive(droneId, link, data, isBinary);
      };
      socket.on(
        'message',
        guard('drone frame', onMessage, () => socket.terminate()),
      );
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

function write({ socket }: Link, frame: ToDroneFrame): boolean {
  if (socket.readyState !== socket.OPEN) return false;
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) {
    socket.terminate();
    return false;
  }
  socket.send(JSON.stringify(frame));
  return true;
}
