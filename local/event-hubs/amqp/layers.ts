/** The interfaces between the layers of a connection: a link needs its session, a session its connection. */
import type { AmqpError } from './performatives.ts';

export interface Connection {
  readonly isEncrypted: boolean;
  readonly isAlive: boolean;
  /** Bytes waiting for the socket. */
  readonly backlog: number;
  /** The largest frame that the other side accepts. */
  readonly maxFrame: number;
  onceDrained(resume: () => void): void;
  /** Counts the bytes of a message that is being handled; negative: it has been handled. */
  handling(bytes: number): void;
  write(...parts: readonly Buffer[]): void;
  send(channel: number, body: Buffer): void;
  /** Ends the connection at once, without a close frame. */
  destroy(): void;
}

export interface LinkSession {
  readonly connection: Connection;
  /** Number of transfers that the other side accepts now. */
  readonly window: number;
  send(body: Buffer): void;
  writeFlow(link?: LinkFlow, drain?: boolean): void;
  writeDispositions(): void;
  /** Sends a message in as many frames as the other side's frame size requires. */
  transfer(handle: number, message: Buffer): void;
  accept(id: number): void;
  reject(id: number, error: AmqpError): void;
  /** The sending link on which an answer of `node` to `address` is awaited; '' stands for no address. */
  replyLink(node: string, address: string): { send(message: Buffer): void } | undefined;
}

export interface LinkFlow {
  readonly handle: number;
  readonly deliveryCount: number;
  readonly credit: number;
}
