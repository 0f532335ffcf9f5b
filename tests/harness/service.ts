/** Services on the real local Cosmos server, called through the whole pipeline; the clock and the broker are the test's. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CosmosServer, startCosmos } from 'azure-local/cosmos';
import { createKeyStore } from '../../functions/idempotency-keys.ts';
import type { Principal } from '../../shared/auth/principal.ts';
import type { VerifyToken } from '../../shared/auth/verifier.ts';
import { readSettings, type Settings } from '../../shared/config/settings.ts';
import { createCosmosClient } from '../../shared/cosmos/client.ts';
import { type ContainerName, containerDefinition } from '../../shared/cosmos/containers.ts';
import { createDatabase, type Database } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/errors.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { createClient } from '../../shared/http/client.ts';
import type { Route } from '../../shared/http/define-route.ts';
import { createIdempotency } from '../../shared/http/idempotency.ts';
import { type Endpoint, type Handler, type PipelineDeps, serve } from '../../shared/http/pipeline.ts';
import { problemStatusesOf } from '../../shared/http/problems.ts';
import { inProcess } from '../../shared/http/transports.ts';
import type { HubName } from '../../shared/messaging/hubs.ts';
import type { Message } from '../../shared/messaging/publisher.ts';
import type { ServiceName } from '../../shared/service-names.ts';
import { createLog } from '../../shared/telemetry/log.ts';

export interface Published {
  readonly hub: HubName;
  readonly message: Message;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined where there was none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** The answer of a route that is not JSON. */
  readonly bytes?: Uint8Array;
}

export interface RequestOptions {
  /** Absent: the caller that the Authorization header names. */
  readonly as?: Principal;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The body as it travels, in place of `body`. */
  readonly raw?: string | Uint8Array;
}

export interface Harness extends AsyncDisposable {
  readonly cosmos: CosmosServer;
  readonly database: Database;
  readonly deps: (service: ServiceName) => ServiceDeps;
  /** What was published, in order. */
  readonly published: Published[];
  /** When set, the broker does not acknowledge. */
  readonly broker: { away: boolean };
  readonly clock: { now: Date; advance(seconds: number): void };
  add(name: ServiceName, create: (deps: ServiceDeps) => Service): void;
  /** A stand-in for a route of a service that this test does not run. */
  answer<T extends Route>(route: T, handler: Handler<T>): void;
  request(route: Route, options: RequestOptions): Promise<Reply>;
}

export interface HarnessOptions {
  readonly containers: readonly ContainerName[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly now?: Date;
  /** Default: no token is good, tests name their principal. */
  readonly verify?: VerifyToken;
}

const DATABASE = 'test';

export async function startHarness(options: HarnessOptions): Promise<Harness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'harness-'));
  const cosmos = await startCosmos({ port: 0, dataDir });
  const settings = settingsFor(cosmos, options.settings ?? {});
  const client = createCosmosClient(settings, noCredential);
  await makeContainers(client, [...new Set<ContainerName>([...options.containers, 'idempotencyKeys'])]);
  const database = createDatabase(client, DATABASE);
  const registry = new Map<string, Endpoint>();
  const published: Published[] = [];
  const broker = { away: false };
  const clock = {
    now: options.now ?? new Date('2026-11-23T12:00:00.000Z'),
    advance: (seconds: number) => {
      clock.now = new Date(clock.now.getTime() + seconds * 1000);
    },
  };
  const log = createLog({ name: 'test', level: 'silent' });
  const pipeline: PipelineDeps = {
    verify:
      options.verify ?? (() => Promise.reject(new AppError('token_invalid', 'tests name their principal'))),
    log,
    idempotency: createIdempotency(createKeyStore(database), () => clock.now, log),
  };
  const deps = (service: ServiceName): ServiceDeps => ({
    settings,
    database,
    publisher: {
      publish: (hub, messages) => {
        if (broker.away) return Promise.reject(new AppError('dependency_unavailable', 'the broker is away'));
        published.push(...messages.map((message) => ({ hub, message })));
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    call: createClient(inProcess(service, registry, pipeline)),
    log: pipeline.log,
    credential: noCredential,
    now: () => clock.now,
    newId: randomUUID,
  });

  return {
    cosmos,
    database,
    deps,
    published,
    broker,
    clock,
    add: (name, create) => {
      for (const each of create(deps(name)).endpoints) registry.set(each.route.functionName, each);
    },
    answer: (route, handler) => {
      registry.set(route.functionName, { route, handler: handler as unknown as Endpoint['handler'] });
    },
    request: async (route, { as, params = {}, query = {}, headers = {}, body, raw }) => {
      const target = registry.get(route.functionName);
      if (!target) throw new Error(`${route.functionName} is not served in this test`);
      const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await serve(
        target,
        {
          method: route.method,
          params,
          query,
          headers: { ...(text === undefined ? {} : { 'content-type': route.contentType }), ...headers },
          body: text === undefined ? undefined : Buffer.from(text),
          ...(as ? { principal: as } : {}),
        },
        pipeline,
      );
      checkStatus(route, response.status);
      if (response.body instanceof Uint8Array) {
        return { status: response.status, headers: response.headers, body: undefined, bytes: response.body };
      }
      const parsed = response.body === undefined ? undefined : JSON.parse(response.body);
      return { status: response.status, headers: response.headers, body: parsed as Reply['body'] };
    },
    [Symbol.asyncDispose]: async () => {
      client.dispose();
      await cosmos.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Every status that a service answers in a test is one that OpenAPI declares; the errors of a server are its `default`. */
function checkStatus(route: Route, status: number): void {
  if (status in route.responses || [500, 502, 504].includes(status)) return;
  if (problemStatusesOf(route).some((declared) => declared === status)) return;
  throw new Error(`${route.functionName} answered ${status}, which OpenAPI does not declare`);
}

export const service = (accountId?: string, subject = 'scheduler'): Principal => ({
  subject,
  roles: ['service'],
  ...(accountId ? { accountId } : {}),
});
export const customer = (accountId: string, subject = 'user-1'): Principal => ({
  subject,
  roles: ['customer'],
  accountId,
});
export const admin = (accountId: string): Principal => ({
  subject: 'admin-1',
  roles: ['account-admin'],
  accountId,
});
export const operator: Principal = { subject: 'operator-1', roles: ['operator'] };
export const carrier = (carrierId: string): Principal => ({
  subject: carrierId,
  roles: ['carrier'],
  carrierId,
});

function settingsFor(cosmos: CosmosServer, extra: Readonly<Record<string, string>>): Settings {
  return readSettings({
    COSMOS: cosmos.connectionString,
    COSMOS_DATABASE: DATABASE,
    EVENTHUBS: 'unused',
    AzureWebJobsStorage: 'unused',
    IDENTITY_ISSUER: 'http://127.0.0.1:1/issuer',
    API_AUDIENCE: 'api://drone-delivery',
    PUBLIC_ORIGIN: 'http://127.0.0.1:1',
    LOG_LEVEL: 'silent',
    ...extra,
  });
}

async function makeContainers(
  client: ReturnType<typeof createCosmosClient>,
  names: readonly ContainerName[],
): Promise<void> {
  const { database } = await client.databases.createIfNotExists({ id: DATABASE });
  for (const id of names) await database.containers.createIfNotExists(containerDefinition(id));
}

function noCredential(): never {
  throw new Error('tests need no credential');
}
