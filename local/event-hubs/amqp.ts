/** The part of rhea that the broker uses, with what its typings leave out. https://github.com/amqp/rhea */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Server, Socket } from 'node:net';

export interface AmqpError {
  readonly condition: string;
  readonly description: string;
}

export interface Terminus {
  readonly address?: string;
  readonly filter?: Readonly<Record<string, unknown>>;
}

export interface Session extends EventEmitter {
  readonly outgoing: { available(): number };
  readonly links: Readonly<Record<string, Sender | Receiver>>;
}

export interface Connection extends EventEmitter {
  readonly socket: Socket;
  readonly container_id: string;
  close(error?: AmqpError): void;
}

interface Link extends EventEmitter {
  readonly name: string;
  readonly session: Session;
  readonly connection: Connection;
  readonly source: Terminus;
  readonly target: Terminus;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly desired_capabilities?: string | readonly string[];
  readonly local: { attach: Record<string, unknown> };
  close(error?: AmqpError): void;
  is_open(): boolean;
  set_source(fields: Terminus): void;
  set_target(fields: Terminus): void;
}

export interface Sender extends Link {
  credit: number;
  send(message: unknown, tag?: unknown, format?: number): unknown;
}

export interface Receiver extends Link {
  add_credit(credit: number): void;
}

export interface Delivery {
  readonly format?: number;
  accept(): void;
  reject(error: AmqpError): void;
}

export interface AmqpMessage {
  readonly message_id?: unknown;
  readonly correlation_id?: unknown;
  readonly reply_to?: string;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface EventContext {
  readonly connection: Connection;
  readonly session: Session;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly delivery: Delivery;
  /** Decoded for format 0, bytes otherwise. */
  readonly message: AmqpMessage | Buffer;
}

interface Typed {
  wrap_long(value: number): unknown;
  wrap_timestamp(value: number): unknown;
  wrap_int(value: number): unknown;
  wrap_array(values: readonly unknown[], type: number): unknown;
}

interface Container extends EventEmitter {
  listen(options: Record<string, unknown>): Server;
}

interface Rhea {
  create_container(options: Record<string, unknown>): Container;
  readonly types: Typed;
  readonly message: { encode(message: AmqpMessage): Buffer };
}

export const rhea = createRequire(import.meta.url)('rhea') as Rhea;
