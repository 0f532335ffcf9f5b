/**
 * Serves Event Hubs on loopback: AMQP 1.0 for the unmodified SDKs.
 *
 * B1 A send is accepted after its events are on disk; a send that is not accepted may still have been stored (at least once).
 * B2 An epoch receiver takes its partition from every other receiver; one with a lower epoch, or none, is refused.
 * B3 A link without a claim for its entity and right is refused when it attaches, and detached when the claim expires.
 * B4 An orderly end first answers all messages that were sent.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createDiskWatch } from '../disk-watch.ts';
import { LOOPBACK, listen } from '../loopback.ts';
import { AmqpConnection, type Service } from './amqp/connection.ts';
import type { Connection } from './amqp/layers.ts';
import type { Link } from './amqp/link.ts';
import { type AccessKey, checkPlain, type VerifyToken } from './auth.ts';
import { createBroker, type HubConfig } from './broker.ts';
import type { BrokerContext, OpenLink } from './broker-context.ts';
import { type Claims, createClaims } from './claims.ts';
import { createConnectionListener } from './connection-listener.ts';
import { openConsumer, type Readers } from './consumers.ts';
import { createFaults, type Faults } from './faults.ts';
import { createProducers } from './idempotence.ts';
import { createMeter, EGRESS, INGRESS } from './meter.ts';
import { openProducer } from './producers.ts';
import { REFUSALS } from './refusals.ts';
import { openNode } from './requests.ts';

export interface EventHubsOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly hubs: Readonly<Record<string, HubConfig>>;
  readonly keys: readonly AccessKey[];
  /** A second listener, which also accepts tokens. PEM. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port?: number };
  readonly verifyToken?: VerifyToken;
  /** Each allows an ingress of 1 MiB or 1,000 events and an egress of 2 MiB or 4,096 events per second. Default: no limit. */
  readonly throughputUnits?: number;
  /** More are refused: the service allows 100 (Basic) or 5,000 (Standard). Default: no limit. */
  readonly maxConnections?: number;
  readonly now?: () => number;
  /** Called with each line about the start. Default: stderr. */
  readonly warn?: (line: string) => void;
}

export interface EventHubsServer extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number | undefined;
  /** Connection string with the first key, for a hub or for the namespace. */
  connectionString(hub?: string): string;
  readonly faults: Faults;
  /** The current number of connections and links. */
  counts(): { readonly connections: number; readonly links: number };
  close(): Promise<void>;
}

const NODES: ReadonlySet<string | undefined> = new Set(['$cbs', '$management']);
const warnOnStderr = (line: string): void => {
  process.stderr.write(`event-hubs: ${line}\n`);
};

/** @throws Error when a port is in use or the data cannot be opened */
export async function startEventHubs(options: EventHubsOptions): Promise<EventHubsServer> {
  const { maxConnections = Number.POSITIVE_INFINITY, now = Date.now, warn = warnOnStderr } = options;
  const broker = createBroker(options.dataDir, options.hubs, now, warn);
  const connections = new Set<AmqpConnection>();
  const links = new Map<Link, OpenLink>();
  const claims = createClaims(links, now);
  const pending = new Set<Promise<unknown>>();
  const faults = faultsOf(connections, links);
  const core: BrokerContext = {
    broker,
    faults,
    producers: createProducers(),
    ingress: createMeter(options.throughputUnits, INGRESS, now),
    egress: createMeter(options.throughputUnits, EGRESS, now),
    disk: createDiskWatch(warn),
    now,
    allowed: claims.allowed,
    register: (link, facts, closed) => {
      links.set(link, facts);
      link.onClosed = () => {
        links.delete(link);
        closed?.();
      };
    },
    track: (work) => {
      const tracked = work.catch(warn).finally(() => pending.delete(tracked));
      pending.add(tracked);
    },
  };
  const service = serviceOf(options, core, claims, {
    /** Connections above the quota get no links: every client understands that, and none keeps waiting. */
    isWithinQuota: (connection) =>
      connections.size <= maxConnections ||
      [...connections].slice(0, maxConnections).some((one) => one === connection),
    ended: (connection) => void connections.delete(connection as AmqpConnection),
  });
  const listener = createConnectionListener((stream, isEncrypted) => {
    connections.add(new AmqpConnection(stream, service, isEncrypted));
  });
  const { servers, port, tlsPort } = await openListeners(options, listener.accept).catch(
    async (error: unknown) => {
      await broker.close();
      throw error;
    },
  );

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
  return {
    port,
    tlsPort,
    faults,
    counts: () => ({ connections: connections.size, links: links.size }),
    connectionString: (hub) => connectionStringOf(port, options.keys, hub),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

function faultsOf(connections: ReadonlySet<AmqpConnection>, links: ReadonlyMap<Link, OpenLink>): Faults {
  return createFaults({
    dropConnections: () => {
      for (const connection of connections) connection.destroy();
    },
    detachLinks: (hub, condition = 'amqp:link:detach-forced') => {
      for (const [link, facts] of links)
        if (facts.hub === hub) link.close({ condition, description: 'detached on demand' });
    },
  });
}

interface Connections {
  isWithinQuota(connection: Connection): boolean;
  ended(connection: Connection): void;
}

/** The broker's callbacks for AMQP connections: they open links and sign clients in. */
function serviceOf(
  { keys, verifyToken: verify }: EventHubsOptions,
  core: BrokerContext,
  claims: Claims,
  connections: Connections,
): Service {
  const readers: Readers = new Map();
  return {
    containerId: 'local-event-hubs',
    attached: (link) => {
      if (!connections.isWithinQuota(link.connection)) return link.refuse(REFUSALS.connections);
      const { source, target } = link.attach;
      const address = link.sends ? source.address : target.address;
      if (NODES.has(address)) openNode(link, address as string, { core, keys, verify, claimed: claims.add });
      else if (link.sends) openConsumer(link, core, readers);
      else openProducer(link, core);
    },
    signIn: (connection, user, password) => {
      const claim = checkPlain(user, password, keys);
      if (claim) claims.signIn(connection, claim);
      return claim !== undefined;
    },
    closed: (connection) => {
      connections.ended(connection);
      claims.forget(connection);
    },
  };
}

interface Listeners {
  readonly servers: readonly Server[];
  readonly port: number;
  readonly tlsPort: number | undefined;
}

/** @throws Error when a port is in use; then nothing listens */
async function openListeners(
  { port, tls }: EventHubsOptions,
  accept: (socket: Socket) => void,
): Promise<Listeners> {
  const plain = createServer(accept);
  const encrypted = tls && (await import('node:tls')).createServer({ key: tls.key, cert: tls.cert }, accept);
  const servers: readonly Server[] = encrypted ? [plain, encrypted] : [plain];
  for (const server of servers) server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  try {
    return {
      servers,
      port: await listen(plain, port),
      tlsPort: encrypted && (await listen(encrypted, tls?.port ?? 0)),
    };
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

function connectionStringOf(port: number, [first]: readonly AccessKey[], hub: string | undefined): string {
  const entity = hub ? `EntityPath=${hub};` : '';
  return `Endpoint=sb://${LOOPBACK}:${port};SharedAccessKeyName=${first?.name};SharedAccessKey=${first?.key};${entity}UseDevelopmentEmulator=true`;
}
