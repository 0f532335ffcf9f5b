/** A client without Microsoft's SDK, for tests of what the SDK never does: rhea, and sockets that speak as they like. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import type { AmqpMessage, Connection, EventContext, Receiver, Sender } from './amqp.ts';

interface ClientConnection extends Connection {
  open_sender(options: unknown): Sender;
  open_receiver(options: unknown): Receiver;
}

interface ClientContainer {
  connect(options: Record<string, unknown>): ClientConnection;
}

interface Rhea {
  create_container(): ClientContainer;
}

/** An AMQP connection, without any token. */
export async function connectRaw(port: number): Promise<ClientConnection> {
  const container = (createRequire(import.meta.url)('rhea') as Rhea).create_container();
  const connection = container.connect({ host: '127.0.0.1', port, reconnect: false, username: 'raw' });
  for (const event of ['disconnected', 'error', 'connection_error', 'connection_close', 'receiver_close'])
    connection.on(event, () => undefined);
  await once(connection, 'connection_open');
  return connection;
}

/** One request to `$cbs` or `$management`, and its answer. */
export async function ask(
  connection: ClientConnection,
  address: string,
  request: AmqpMessage,
): Promise<AmqpMessage> {
  const name = `reply-${Math.random()}`;
  const replies = connection.open_receiver({ name, source: { address }, target: { address: name } });
  const requests = connection.open_sender({ target: { address } });
  await once(requests, 'sendable');
  const answered = once(replies, 'message') as Promise<[EventContext]>;
  requests.send({ ...request, reply_to: name });
  const [{ message }] = await answered;
  return message as AmqpMessage;
}

/** What a link is closed with by the other side. */
export async function detachment(link: Sender | Receiver): Promise<{ condition: string } | undefined> {
  const closed = Promise.race(['sender_close', 'receiver_close'].map((event) => once(link, event)));
  await closed;
  return (link as { error?: { condition: string } }).error;
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
