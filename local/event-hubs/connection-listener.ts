/**
 * Accepts connections of plain AMQP and of AMQP in a WebSocket, distinguished by the first byte. So one port serves both, as
 * 443 does in Azure.
 *
 * D1 A connection that sends nothing, or does not finish opening its WebSocket, is ended after a while.
 * D2 No byte of a connection is lost, and none is processed before its protocol is known.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectionListener {
  /** Takes a new connection, over TCP or TLS. */
  accept(socket: Socket): void;
  /** Ends connections whose protocol is not known yet. */
  close(): void;
}

/** Called with each stream for AMQP. */
export type OpenStream = (stream: Duplex, isEncrypted: boolean) => void;

const HANDSHAKE_MS = 20_000;
/** First byte of GET; AMQP begins with an A. */
const FIRST_OF_HTTP = 'G'.charCodeAt(0);

export const isEncrypted = (socket: Duplex): boolean => 'encrypted' in socket;

/** @param handshakeMs time limit for a connection whose protocol is not known yet */
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
    // Most brokers never need it: it has megabytes, and is loaded with the first WebSocket.
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
