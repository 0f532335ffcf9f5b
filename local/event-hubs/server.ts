/**
 * The Event Hubs broker on loopback: AMQP 1.0 for the unmodified SDK.
 *
 * B1 A send is accepted after its events are on disk; a send that is not accepted may still have been stored (at least once).
 * B2 An epoch receiver takes its partition from every other; one with a lower epoch, or none, is refused.
 * B3 A link without a claim that covers its entity and right is refused at its attach.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import {
  type AmqpError,
  type AmqpMessage,
  type Connection,
  type EventContext,
  type Receiver,
  rhea,
  type Sender,
} from './amqp.ts';
import { type AccessKey, type Claim, isAllowed, type Right, type VerifyToken } from './auth.ts';
import { createBroker, DEFAULT_GROUP, type Hub, type HubConfig, partitionIn } from './broker.ts';
import { MalformedMessage, partitionKeyOf, splitBatch } from './encoding.ts';
import { createFaults, type Faults } from './faults.ts';
import { createReader, type Reader, startOf } from './reader.ts';
import { manage, putToken, type RequestContext, sendReply } from './requests.ts';

export interface EventHubsOptions {
  /** 0: any that is free. */
  readonly port: number;
  readonly dataDir: string;
  readonly hubs: Readonly<Record<string, HubConfig>>;
  readonly keys: readonly AccessKey[];
  /** A second listener, on which tokens are taken. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port?: number };
  readonly verifyToken?: VerifyToken;
  readonly now?: () => number;
}

export interface EventHubsServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number | undefined;
  /** For the first key, of one hub or of the namespace. */
  connectionString(hub?: string): string;
  readonly faults: Faults;
  close(): Promise<void>;
}

interface OpenReader {
  readonly link: Sender;
  readonly hub: string;
  readonly key: string;
  readonly epoch: number | undefined;
  readonly reader: Reader;
}

const HOST = '127.0.0.1';
/** https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_READERS = 5;
const BATCH_FORMAT = 0x80013700;
const IDLE_MS = 60_000;
const SELECTOR = 'apache.org:selector-filter:string';
const SETTLED = 1;

const REFUSALS = {
  unauthorized: {
    condition: 'amqp:unauthorized-access',
    description: 'Unauthorized access: this needs the right and a valid token.',
  },
  stolen: {
    condition: 'amqp:link:stolen',
    description: 'New receiver with higher epoch is created hence current receiver is getting disconnected.',
  },
  lowerEpoch: {
    condition: 'amqp:link:stolen',
    description: 'Receiver is refused: a receiver with a higher epoch exists.',
  },
  quota: {
    condition: 'amqp:resource-limit-exceeded',
    description:
      'Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5.',
  },
  beyond: {
    condition: 'com.microsoft:argument-error',
    description: 'The supplied position is beyond the last event of the partition.',
  },
  malformed: {
    condition: 'com.microsoft:argument-error',
    description: 'The filter is not one that is known.',
  },
  tooLarge: {
    condition: 'amqp:link:message-size-exceeded',
    description: 'The message exceeds the maximum of 1048576 bytes.',
  },
  throttled: {
    condition: 'com.microsoft:server-busy',
    description: 'The request was terminated because the entity is being throttled.',
  },
} as const satisfies Record<string, AmqpError>;

const notFound = (name: string): AmqpError => ({
  condition: 'amqp:not-found',
  description: `The messaging entity '${name}' could not be found.`,
});
const badPartition = (id: string): AmqpError => ({
  condition: 'com.microsoft:argument-out-of-range',
  description: `The specified partition is invalid for an EventHub partition sender or receiver: ${id}`,
});

export async function startEventHubs(options: EventHubsOptions): Promise<EventHubsServer> {
  const now = options.now ?? Date.now;
  const broker = createBroker(options.dataDir, options.hubs, now);
  const claims = new WeakMap<Connection, Claim[]>();
  const readers = new Set<OpenReader>();
  const links = new Map<Sender | Receiver, string>();
  const sockets = new Set<Socket>();
  const pending = new Set<Promise<unknown>>();
  const faults = createFaults({
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    detachLinks: (hub, condition = 'amqp:link:detach-forced') => {
      for (const [link, of] of links)
        if (of === hub) link.close({ condition, description: 'detached on demand' });
    },
  });
  const requests: RequestContext = {
    broker,
    keys: options.keys,
    verifyToken: options.verifyToken,
    faults,
    now,
  };

  const allowed = (connection: Connection, entity: string, right: Right | undefined) =>
    isAllowed(claims.get(connection) ?? [], entity, right, now());

  const onRequest = async (
    { connection, session, message, delivery }: EventContext,
    kind: 'cbs' | 'management',
  ) => {
    delivery.accept();
    if (Buffer.isBuffer(message)) return;
    if (kind === 'management') {
      const reply = manage(message, requests, (entity) => allowed(connection, entity, undefined));
      return sendReply(session, message, reply);
    }
    const { reply, claim } = await putToken(message, requests);
    if (claim)
      claims.set(connection, [
        ...(claims.get(connection) ?? []).filter(({ audience }) => audience !== claim.audience),
        claim,
      ]);
    sendReply(session, message, reply);
  };

  const onPublish = async (
    { message, delivery, connection }: EventContext,
    hub: Hub,
    partition: number | undefined,
  ) => {
    const refused = faults.take('reject', hub.name);
    if (refused)
      return delivery.reject({
        ...REFUSALS.throttled,
        condition: refused.condition ?? REFUSALS.throttled.condition,
      });
    const delayed = faults.take('delay', hub.name);
    if (delayed) await new Promise((resolve) => setTimeout(resolve, delayed.delayMs ?? 100));
    try {
      const { partitionKey, messages } = incoming(message, delivery.format);
      if (messages.reduce((sum, { length }) => sum + length, 0) > MAX_MESSAGE_BYTES)
        return delivery.reject(REFUSALS.tooLarge);
      const events = messages.map((each) => ({ message: Buffer.from(each), partitionKey }));
      await broker.append(broker.route(hub, partition, partitionKey), events);
    } catch (error) {
      const condition = error instanceof MalformedMessage ? 'amqp:decode-error' : 'amqp:internal-error';
      return delivery.reject({ condition, description: (error as Error).message });
    }
    if (faults.take('dropAck', hub.name)) connection.socket.destroy();
    else delivery.accept();
  };

  const openProducer = ({ receiver, connection }: EventContext) => {
    const address = receiver.target?.address ?? '';
    receiver.set_target({ address });
    if (receiver.source?.address) receiver.set_source({ address: receiver.source.address });
    if (address === '$cbs' || address === '$management') {
      receiver.on(
        'message',
        (context: EventContext) => void onRequest(context, address === '$cbs' ? 'cbs' : 'management'),
      );
      receiver.add_credit(1000);
      return;
    }
    const [hubName = '', section, id] = address.split('/');
    const hub = broker.hub(hubName);
    if (!hub) return receiver.close(notFound(hubName));
    if (section !== undefined && section !== 'Partitions') return receiver.close(notFound(address));
    const partition = section === undefined ? undefined : partitionIn(hub, id);
    if (section !== undefined && partition === undefined) return receiver.close(badPartition(id ?? ''));
    if (!allowed(connection, address, 'Send')) return receiver.close(REFUSALS.unauthorized);
    receiver.local.attach['max_message_size'] = MAX_MESSAGE_BYTES;
    links.set(receiver, hub.name);
    receiver.on('message', (context: EventContext) => {
      const work = onPublish(context, hub, partition).finally(() => pending.delete(work));
      pending.add(work);
    });
    receiver.add_credit(1000);
  };

  const openConsumer = ({ sender, connection }: EventContext) => {
    const address = sender.source?.address ?? '';
    sender.set_source(sender.source ?? {});
    sender.set_target(sender.target ?? {});
    if (address === '$cbs' || address === '$management') return;
    const [hubName = '', , group = DEFAULT_GROUP, , id = ''] = address.split('/');
    const hub = broker.hub(hubName);
    if (!hub) return sender.close(notFound(hubName));
    if (!hub.consumerGroups.has(group.toLowerCase()))
      return sender.close(notFound(`${hubName}/ConsumerGroups/${group}`));
    const log = hub.partitions[partitionIn(hub, id) ?? -1];
    if (!log) return sender.close(badPartition(id));
    if (!allowed(connection, address, 'Listen')) return sender.close(REFUSALS.unauthorized);
    const key = `${hub.name}/${group.toLowerCase()}/${id}`;
    const rawEpoch = sender.properties?.['com.microsoft:epoch'];
    const epoch = rawEpoch === undefined || rawEpoch === null ? undefined : Number(rawEpoch);
    const refusal = claim(key, epoch);
    if (refusal) return sender.close(refusal);
    const start = startOf(selectorOf(sender), log);
    if (start === 'malformed' || start === 'beyond') return sender.close(REFUSALS[start]);
    sender.local.attach['snd_settle_mode'] = SETTLED;
    links.set(sender, hub.name);
    const capabilities = [sender.desired_capabilities ?? []].flat();
    const reader = createReader({
      link: sender,
      log,
      from: start,
      withMetric: capabilities.includes('com.microsoft:enable-receiver-runtime-metric'),
      paused: () => faults.has('pause', hub.name),
      now,
    });
    readers.add({ link: sender, hub: hub.name, key, epoch, reader });
  };

  /** Makes room for a new receiver, or says why there is none. */
  const claim = (key: string, epoch: number | undefined): AmqpError | undefined => {
    const others = [...readers].filter((each) => each.key === key);
    const highest = Math.max(-1, ...others.map((each) => each.epoch ?? -1));
    if (epoch === undefined) {
      if (highest >= 0) return REFUSALS.lowerEpoch;
      return others.length >= MAX_READERS ? REFUSALS.quota : undefined;
    }
    if (epoch < highest) return REFUSALS.lowerEpoch;
    for (const other of others) {
      other.link.close(REFUSALS.stolen);
      forget(other.link);
    }
    return undefined;
  };

  const forget = (link: Sender | Receiver) => {
    links.delete(link);
    for (const each of readers) {
      if (each.link !== link) continue;
      each.reader.stop();
      readers.delete(each);
    }
  };

  const forgetConnection = (connection: Connection) => {
    for (const link of links.keys()) if (link.connection === connection) forget(link);
  };

  const container = rhea.create_container({ id: 'local-event-hubs' });
  container.on('connection_open', ({ connection }: EventContext) => {
    const { socket } = connection;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => {
      sockets.delete(socket);
      forgetConnection(connection);
    });
  });
  container.on('receiver_open', openProducer);
  container.on('sender_open', openConsumer);
  container.on('sender_close', ({ sender }: EventContext) => forget(sender));
  container.on('receiver_close', ({ receiver }: EventContext) => forget(receiver));
  container.on('session_close', ({ session }: EventContext) => {
    for (const link of links.keys()) if (link.session === session) forget(link);
  });
  container.on('disconnected', ({ connection }: EventContext) => forgetConnection(connection));
  for (const event of [
    'connection_error',
    'session_error',
    'sender_error',
    'receiver_error',
    'protocol_error',
    'error',
  ]) {
    container.on(event, (context: Partial<EventContext>) => {
      if (event === 'protocol_error' || event === 'connection_error') context.connection?.socket?.destroy();
    });
  }

  const common = {
    host: HOST,
    idle_time_out: IDLE_MS,
    receiver_options: { autoaccept: false, credit_window: 1000 },
  };
  const servers: Server[] = [container.listen({ ...common, port: options.port })];
  if (options.tls)
    servers.push(
      container.listen({ ...common, ...options.tls, port: options.tls.port ?? 0, transport: 'tls' }),
    );
  for (const server of servers) {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
  }
  try {
    await Promise.all(servers.map(listening));
  } catch (error) {
    for (const server of servers) server.close();
    await broker.close();
    throw error;
  }
  const [port, tlsPort] = servers.map((server) => (server.address() as AddressInfo).port) as [
    number,
    number | undefined,
  ];

  const close = async () => {
    await Promise.allSettled(pending);
    await new Promise((resolve) => setImmediate(resolve));
    const ended = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const { reader } of readers) reader.stop();
    for (const socket of sockets) socket.destroy();
    await Promise.all(ended);
    await broker.close();
  };
  const [first] = options.keys;
  return {
    port,
    tlsPort,
    faults,
    connectionString: (hub) =>
      `Endpoint=sb://${HOST}:${port};SharedAccessKeyName=${first?.name};SharedAccessKey=${first?.key};${hub ? `EntityPath=${hub};` : ''}UseDevelopmentEmulator=true`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function incoming(
  message: AmqpMessage | Buffer,
  format: number | undefined,
): { partitionKey: string | undefined; messages: readonly Buffer[] } {
  if (Buffer.isBuffer(message)) {
    return format === BATCH_FORMAT
      ? splitBatch(message)
      : { partitionKey: partitionKeyOf(message), messages: [message] };
  }
  const encoded = rhea.message.encode(message);
  return { partitionKey: partitionKeyOf(encoded), messages: [encoded] };
}

function selectorOf(sender: Sender): string | undefined {
  const filter = sender.source?.filter?.[SELECTOR] as { value?: unknown } | string | undefined;
  const value = typeof filter === 'object' && filter !== null && 'value' in filter ? filter.value : filter;
  return typeof value === 'string' ? value : undefined;
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    if (server.listening) return resolve();
    server.once('listening', () => resolve());
    server.once('error', reject);
  });
}
