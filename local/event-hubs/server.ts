/**
 * The Event Hubs broker on loopback: AMQP 1.0 for the unmodified SDKs.
 *
 * B1 A send is accepted after its events are on disk; a send that is not accepted may still have been stored (at least once).
 * B2 An epoch receiver takes its partition from every other; one with a lower epoch, or none, is refused.
 * B3 A link without a claim that covers its entity and right is refused at its attach, and detached when the claim expires.
 * B4 An orderly end answers first what was sent.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createDiskWatch } from '../disk-watch.ts';
import { LOOPBACK, listen } from '../loopback.ts';
import { AmqpConnection, type Service } from './amqp/connection.ts';
import type { Connection } from './amqp/layers.ts';
import type { Link } from './amqp/link.ts';
import { type AccessKey, type Claim, checkPlain, isAllowed, type VerifyToken } from './auth.ts';
import { createBroker, type HubConfig } from './broker.ts';
import type { BrokerContext, OpenLink } from './broker-context.ts';
import { createConnectionListener } from './connection-listener.ts';
import { openConsumer, type Readers } from './consumers.ts';
import { createFaults, type Faults } from './faults.ts';
import { createProducers } from './idempotence.ts';
import { createMeter, EGRESS, INGRESS } from './meter.ts';
import { openProducer } from './producers.ts';
import { REFUSALS } from './refusals.ts';
import { openNode } from './requests.ts';

export interface EventHubsOptions {
  /** 0: any that is free. */
  readonly port: number;
  readonly dataDir: string;
  readonly hubs: Readonly<Record<string, HubConfig>>;
  readonly keys: readonly AccessKey[];
  /** A second listener, on which tokens are taken, too. PEM. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port?: number };
  readonly verifyToken?: VerifyToken;
  /** Each takes in 1 MiB or 1,000 events a second, and gives out 2 MiB or 4,096. Default: no limit. */
  readonly throughputUnits?: number;
  /** More are refused: the service has 100 (Basic) or 5,000 (Standard). Default: no limit. */
  readonly maxConnections?: number;
  readonly now?: () => number;
  /** Told of what a start has to say, in one line. Default: stderr. */
  readonly warn?: (line: string) => void;
}

export interface EventHubsServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number | undefined;
  /** For the first key, of one hub or of the namespace. */
  connectionString(hub?: string): string;
  readonly faults: Faults;
  /** How many connections and links there are now. */
  counts(): { readonly connections: number; readonly links: number };
  close(): Promise<void>;
}

const NODES: ReadonlySet<string | undefined> = new Set(['$cbs', '$management']);
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const warnOnStderr = (line: string): void => {
  process.stderr.write(`event-hubs: ${line}\n`);
};

/** @throws Error when a port is in use or the data cannot be opened */
export async function startEventHubs(options: EventHubsOptions): Promise<EventHubsServer> {
  const { maxConnections = Number.POSITIVE_INFINITY, now = Date.now } = options;
  const broker = createBroker(options.dataDir, options.hubs, now, options.warn ?? warnOnStderr);
  const connections = new Set<AmqpConnection>();
  const claims = new Map<Connection, readonly Claim[]>();
  const expiries = new Map<Connection, NodeJS.Timeout>();
  const links = new Map<Link, OpenLink>();
  const readers: Readers = new Map();
  const pending = new Set<Promise<unknown>>();
  const faults = createFaults({
    dropConnections: () => {
      for (const connection of connections) connection.destroy();
    },
    detachLinks: (hub, condition = 'amqp:link:detach-forced') => {
      for (const [link, facts] of links)
        if (facts.hub === hub) link.close({ condition, description: 'detached on demand' });
    },
  });
  const core: BrokerContext = {
    broker,
    faults,
    producers: createProducers(),
    ingress: createMeter(options.throughputUnits, INGRESS, now),
    egress: createMeter(options.throughputUnits, EGRESS, now),
    disk: createDiskWatch(options.warn ?? warnOnStderr),
    now,
    allowed: (connection, entity, right) => isAllowed(claims.get(connection) ?? [], entity, right, now()),
    register: (link, facts, closed) => {
      links.set(link, facts);
      link.onClosed = () => {
        links.delete(link);
        closed?.();
      };
    },
    track: (work) => {
      const tracked = work.catch(options.warn ?? warnOnStderr).finally(() => pending.delete(tracked));
      pending.add(tracked);
    },
  };

  /** Those above the quota get no links: each client understands that, and none is left to wait. */
  const isWithin = (connection: Connection) =>
    connections.size <= maxConnections ||
    [...connections].slice(0, maxConnections).some((one) => one === connection);

  const claimed = (connection: Connection, claim: Claim) => {
    const others = (claims.get(connection) ?? []).filter(({ audience }) => audience !== claim.audience);
    claims.set(connection, [...others, claim]);
    detachExpired(connection);
  };

  /** Now, and again when the next claim ends. */
  const detachExpired = (connection: Connection) => {
    for (const [link, { entity, right }] of links)
      if (link.connection === connection && !core.allowed(connection, entity, right))
        link.close(REFUSALS.expired);
    clearTimeout(expiries.get(connection));
    const left = (claims.get(connection) ?? []).filter(({ expires }) => expires > now());
    claims.set(connection, left);
    if (left.length === 0) return;
    const wait = Math.min(...left.map(({ expires }) => expires - now()), LONGEST_TIMER_MS);
    expiries.set(connection, setTimeout(() => detachExpired(connection), wait).unref());
  };

  const service: Service = {
    containerId: 'local-event-hubs',
    attached: (link) => {
      if (!isWithin(link.connection)) return link.refuse(REFUSALS.connections);
      const { source, target } = link.attach;
      const address = link.sends ? source.address : target.address;
      if (NODES.has(address))
        openNode(link, address as string, { core, keys: options.keys, verify: options.verifyToken, claimed });
      else if (link.sends) openConsumer(link, core, readers);
      else openProducer(link, core);
    },
    signIn: (connection, user, password) => {
      const claim = checkPlain(user, password, options.keys);
      if (claim) claims.set(connection, [claim]);
      return claim !== undefined;
    },
    closed: (connection) => {
      connections.delete(connection);
      claims.delete(connection);
      clearTimeout(expiries.get(connection));
      expiries.delete(connection);
    },
  };

  const listener = createConnectionListener((stream, isEncrypted) => {
    connections.add(new AmqpConnection(stream, service, isEncrypted));
  });
  const servers: Server[] = [createServer(listener.accept)];
  if (options.tls) {
    const tls = await import('node:tls');
    servers.push(tls.createServer({ key: options.tls.key, cert: options.tls.cert }, listener.accept));
  }
  for (const server of servers) server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  let port: number;
  let tlsPort: number | undefined;
  try {
    port = await listen(servers[0] as Server, options.port);
    if (servers[1]) tlsPort = await listen(servers[1], options.tls?.port ?? 0);
  } catch (error) {
    for (const server of servers) server.close();
    await broker.close();
    throw error;
  }

  let closing: Promise<void> | undefined;
  const close = async () => {
    const ended = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    listener.close();
    await Promise.allSettled(pending);
    for (const connection of connections) connection.leave();
    await Promise.all(ended);
    await broker.close();
  };
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  const [first] = options.keys;
  return {
    port,
    tlsPort,
    faults,
    counts: () => ({ connections: connections.size, links: links.size }),
    connectionString: (hub) =>
      `Endpoint=sb://${LOOPBACK}:${port};SharedAccessKeyName=${first?.name};SharedAccessKey=${first?.key};${hub ? `EntityPath=${hub};` : ''}UseDevelopmentEmulator=true`,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}
