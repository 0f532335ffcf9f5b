/**
 * Accepts connections: plain AMQP or AMQP in a WebSocket, told apart by the first byte. So one port serves both, as 443
 * does in Azure.
 *
 * D1 A connection that sends nothing, or does not finish opening its WebSocket, is ended after a while.
 * D2 Nothing of a connection is lost or read before it is known what it speaks.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectionListener {
  /** A connection has come, over TCP or TLS. */
  accept(socket: Socket): void;
  /** Ends those that are not in yet. */
  close(): void;
}

/** Called with each stream on which AMQP is to be spoken. */
export type OpenStream = (stream: Duplex, isEncrypted: boolean) => void;

const HANDSHAKE_MS = 20_000;
/** Of GET; AMQP begins with an A. */
const FIRST_OF_HTTP = 'G'.charCodeAt(0);

export const isEncrypted = (socket: Duplex): boolean => 'encrypted' in socket;

/** @param handshakeMs for a connection that has not shown what it speaks */
export function createConnectionListener(
  entered: OpenStream,
  handshakeMs: number = HANDSHAKE_MS,
): ConnectionListener {
  const waiting = new Map<Duplex, NodeJS.Timeout>();
  const leave = (socket: Duplex) => {
    clearTimeout(waiting.get(socket));
    waiting.delete(socket);
  };
  const enterWeb = async (socket: Socket) => {
    // Most brokers never need it: megabytes, loaded with the first.
    const { upgrade } = await import('./websockets.ts');
    upgrade(socket, (stream) => {
      leave(socket);
      entered(stream, isEncrypted(socket));
    });
  };
  return {
    accept: (socket) => {
      socket.setNoDelay(true);
      const end = () => socket.destroy();
      waiting.set(socket, setTimeout(end, handshakeMs).unref());
      socket.on('error', end).once('close', () => leave(socket));
      socket.once('data', (first: Buffer) => {
        socket.pause();
        socket.unshift(first);
        if (first[0] === FIRST_OF_HTTP) return void enterWeb(socket);
        leave(socket);
        entered(socket, isEncrypted(socket));
        socket.resume();
      });
    },
    close: () => {
      for (const socket of waiting.keys()) socket.destroy();
    },
  };
}
