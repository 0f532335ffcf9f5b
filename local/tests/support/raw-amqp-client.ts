/** A client without Microsoft's SDK, for tests of what the SDK never does: rhea, and sockets that speak as they like. */
import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

export interface RawLink extends EventEmitter {
  readonly error?: { readonly condition: string; readonly description: string };
  readonly credit: number;
  readonly max_message_size?: number;
  readonly properties?: Readonly<Record<string, unknown>>;
  send(message: unknown, tag?: unknown, format?: number): unknown;
  add_credit(credit: number): void;
  drain_credit(): void;
  close(): void;
}

export interface RawConnection extends EventEmitter {
  readonly socket: Socket;
  open_sender(options: unknown): RawLink;
  open_receiver(options: unknown): RawLink;
  close(): void;
}

export interface RawMessage {
  readonly message_id?: unknown;
  readonly correlation_id?: unknown;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly message_annotations?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface Rhea {
  create_container(): {
    connect(options: Record<string, unknown>): RawConnection;
    websocket_connect(implementation: unknown): (url: string, protocols: readonly string[]) => unknown;
  };
  readonly types: Readonly<Record<'wrap_long' | 'wrap_short' | 'wrap_int', (value: number) => unknown>>;
  readonly message: {
    encode(message: unknown): Buffer;
    data_section(bytes: Buffer): unknown;
    data_sections(bytes: readonly Buffer[]): unknown;
  };
  readonly filter: { selector(text: string): Record<string, unknown> };
}

export const rhea = createRequire(import.meta.url)('rhea') as Rhea;

/** An AMQP connection, without any token; with `password`, by SASL PLAIN. */
export async function connectRaw(
  port: number,
  options: Readonly<Record<string, unknown>> = { username: 'raw' },
): Promise<RawConnection> {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, reconnect: false, ...options });
  const failed = new EventEmitter();
  const quiet = [
    'disconnected',
    'error',
    'connection_close',
    'receiver_close',
    'sender_close',
    'session_close',
  ];
  for (const event of quiet) connection.on(event, () => undefined);
  connection.on('connection_error', ({ error }: { error?: Error }) => failed.emit('error', error));
  failed.on('error', () => undefined);
  await Promise.race([once(connection, 'connection_open'), once(failed, 'never') as Promise<never>]);
  return connection;
}

/** One request to `$cbs` or `$management`, and its answer. */
export async function ask(
  connection: RawConnection,
  address: string,
  request: RawMessage,
): Promise<RawMessage> {
  const name = `reply-${Math.random()}`;
  const replies = connection.open_receiver({ name, source: { address }, target: { address: name } });
  const requests = connection.open_sender({ target: { address } });
  await once(requests, 'sendable');
  const answered = once(replies, 'message') as Promise<[{ message: RawMessage }]>;
  requests.send({ ...request, reply_to: name });
  const [{ message }] = await answered;
  return message;
}

/** What a link is closed with by the other side. */
export async function detachment(link: RawLink): Promise<{ readonly condition: string } | undefined> {
  await Promise.race(['sender_close', 'receiver_close'].map((event) => once(link, event)));
  return link.error;
}
