/**
 * Composition root of the Function App: settings → dependencies → the services named in SERVICES → the host. The same
 * build serves as one app or as one app per service.
 */
import { randomUUID } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import { lazyCredential } from '../shared/auth/credential.ts';
import { createVerifier } from '../shared/auth/verifier.ts';
import { readSettings, type Settings } from '../shared/config/settings.ts';
import { createCosmosClient } from '../shared/cosmos/client.ts';
import { createDatabase } from '../shared/cosmos/store.ts';
import { traceDatabase } from '../shared/cosmos/traced-database.ts';
import { AppError } from '../shared/errors.ts';
import { registerRoutes } from '../shared/functions/http.ts';
import type { Service, ServiceDeps } from '../shared/functions/service.ts';
import { createClient, type Transport } from '../shared/http/client.ts';
import { createIdempotency } from '../shared/http/idempotency.ts';
import { createLimits } from '../shared/http/limits.ts';
import type { Endpoint, PipelineDeps } from '../shared/http/pipeline.ts';
import { createRefusalLog } from '../shared/http/refusal-log.ts';
import { inProcess, overHttp } from '../shared/http/transports.ts';
import { createPublisher } from '../shared/messaging/publisher.ts';
import type { ServiceName } from '../shared/service-names.ts';
import { createLog } from '../shared/telemetry/log.ts';
import { accountService } from './account/account.functions.ts';
import { registerApiDocument } from './api-document.ts';
import { deliveryService } from './delivery/delivery.functions.ts';
import { deliveryHistoryService } from './delivery-history/delivery-history.functions.ts';
import { droneService } from './drone/drone.functions.ts';
import { registerHealth } from './health.ts';
import { createKeyStore } from './idempotency-keys.ts';
import { ingestionService } from './ingestion/ingestion.functions.ts';
import { packageService } from './package/package.functions.ts';
import { schedulerService } from './scheduler/scheduler.functions.ts';
import { registerSpanExport } from './span-export.ts';
import { supervisorService } from './supervisor/supervisor.functions.ts';
import { thirdPartyService } from './third-party/third-party.functions.ts';

const CREATE: Readonly<Record<ServiceName, (deps: ServiceDeps) => Service>> = {
  ingestion: ingestionService,
  scheduler: schedulerService,
  supervisor: supervisorService,
  account: accountService,
  'third-party': thirdPartyService,
  drone: droneService,
  package: packageService,
  delivery: deliveryService,
  'delivery-history': deliveryHistoryService,
};

/** The first version with `Promise.withResolvers` and `Map.groupBy`. */
const MIN_NODE = 22;

function compose(settings: Settings): void {
  const log = createLog({ name: 'functions', level: settings.LOG_LEVEL });
  const credential = lazily(() => lazyCredential(settings.AZURE_CLIENT_ID));
  const cosmos = createCosmosClient(settings, credential);
  const database = traceDatabase(createDatabase(cosmos, settings.COSMOS_DATABASE));
  const now = () => new Date();
  const pipeline: PipelineDeps = {
    verify: createVerifier({ issuer: settings.IDENTITY_ISSUER, audience: settings.API_AUDIENCE }),
    log,
    limits: createLimits(settings),
    onRefusal: createRefusalLog(log, Date.now),
    idempotency: createIdempotency(createKeyStore(database), now, log),
  };
  const registry = new Map<string, Endpoint>();
  const publisher = createPublisher(settings, credential);
  const shared = {
    settings,
    database,
    publisher,
    credential,
    now,
    newId: randomUUID,
  };
  const services = settings.SERVICES.map((name) =>
    CREATE[name]({
      ...shared,
      log: log.child({ service: name }),
      call: createClient(transportOf(name, settings, registry, pipeline, credential)),
    }),
  );
  const endpoints = services.flatMap((service) => service.endpoints);
  for (const endpoint of endpoints) registry.set(endpoint.route.functionName, endpoint);
  for (const service of services) service.registerTriggers?.();
  registerSpanExport(settings, credential);
  registerHealth({ cosmos, publisher, settings, credential });
  registerApiDocument(
    endpoints.map(({ route }) => route),
    settings.PUBLIC_ORIGIN,
  );
  registerRoutes(endpoints, { ...pipeline, trustedProxies: settings.TRUSTED_PROXIES });
}

/** Calls stay in this process if it serves the callee; otherwise they go over HTTP to the app that does. */
function transportOf(
  caller: ServiceName,
  settings: Settings,
  registry: ReadonlyMap<string, Endpoint>,
  pipeline: PipelineDeps,
  credential: () => TokenCredential,
): Transport {
  const local = inProcess(caller, registry, pipeline);
  const token = async () => {
    const answer = await credential().getToken(`${settings.API_AUDIENCE}/.default`);
    if (!answer)
      throw new AppError('dependency_unavailable', 'there is no token for a call between services');
    return answer.token;
  };
  return (call) => {
    if (settings.SERVICES.includes(call.route.service)) return local(call);
    const origin = settings.SERVICE_ORIGINS[call.route.service];
    if (!origin)
      throw new AppError('dependency_failed', `SERVICE_ORIGINS names no app for ${call.route.service}`);
    return overHttp({ origin, token })(call);
  };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Older versions lack functions of the language that the app needs; some triggers would always fail. */
function checkNode(version: string): void {
  if (Number.parseInt(version, 10) >= MIN_NODE) return;
  throw new Error(
    `Node ${version} cannot run this app: it needs Node ${MIN_NODE} or later. In Azure, set the runtime version of the ` +
      'Function App; on one machine, put a newer Node first on the PATH.',
  );
}

checkNode(process.versions.node);
compose(readSettings(process.env));
