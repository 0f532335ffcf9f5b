/**
 * Runs Cosmos DB triggers: a pump over the change feed of each range, with its continuation in a lease document.
 *
 * C1 Batches of a range run one after the other; the lease moves after each. Several hosts share the ranges (ownership.ts).
 * C2 A batch that fails still moves the lease, unless the function has a retry policy (as on the real host).
 * C3 A batch that was still being retried when the host stopped is delivered again.
 * C4 The start of a new feed is stored before its first change: changes while the host is down are not lost.
 */
import { CosmosClient, type CosmosClientOptions, type FeedRange } from '@azure/cosmos';
import type { FunctionDefinition } from './contract.ts';
import { openCosmosFeed } from './cosmos-feed.ts';
import { createLeases, LeaseLost, type Leases } from './cosmos-leases.ts';
import { lazyCredential } from './credential.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import type { Ownership } from './ownership.ts';
import { describe, invokeWithRetry, pause } from './retry.ts';
import { connectionNamed, resolveSetting, textOf } from './settings.ts';
import { shareWork } from './shared-work.ts';

const CATEGORY = 'Host.Triggers.CosmosDB';
const DEFAULT_POLL_MS = 5_000;
const DEFAULT_ITEMS = 100;
const RESTART_DELAY_MS = 250;

export function startCosmosTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const option = (key: string, fallback = '') => resolveSetting(textOf(trigger[key], fallback));
  const stopping = new AbortController();
  const clientOptions = clientOptionsOf(option('connection', option('connectionStringSetting')));
  const client = new CosmosClient(clientOptions);
  const database = client.database(option('databaseName'));
  const monitored = option('containerName', option('collectionName'));
  const leaseContainer = database.container(option('leaseContainerName', 'leases'));
  const feed = openCosmosFeed({
    client: clientOptions,
    database: database.id,
    container: monitored,
    startsFromBeginning: trigger['startFromBeginning'] === true,
    pollMs: Number(trigger['feedPollDelay'] ?? DEFAULT_POLL_MS),
    limit: Number(trigger['maxItemsPerInvocation'] ?? DEFAULT_ITEMS),
  });
  const prefix = option('leaseContainerPrefix');
  const leases = createLeases(leaseContainer, prefix, monitored);
  const log = (message: string) => context.log('warning', CATEGORY, `${name}: ${message}`);
  let ownership: Ownership | undefined;
  const following: Following = {
    feed,
    leases,
    log,
    mayOwn: async (id) => (await ownership?.confirm(id).catch(() => true)) === true,
    async handle(documents, ending) {
      const data = { json: JSON.stringify(documents) };
      const inputs = [{ name: trigger.name, data }, ...context.extraInputs(definition)];
      const result = await invokeWithRetry(context.app, definition, { inputs }, ending);
      return result.ok || !ending.aborted;
    },
  };
  const start = async () => {
    const ranges = await untilReached(
      async () => {
        if (trigger['createLeaseContainerIfNotExists'] === true)
          await database.containers.createIfNotExists({
            id: leaseContainer.id,
            partitionKey: { paths: ['/id'] },
          });
        return feed.ranges();
      },
      log,
      stopping.signal,
    );
    if (!ranges) return;
    const byId = new Map(ranges.map((range, index) => [`${prefix}${monitored}-${index}`, range]));
    const shared = shareWork({
      store: leases,
      slots: [...byId.keys()],
      work: (id, ending, held) =>
        followRange(following, { id, range: byId.get(id) as FeedRange }, ending, held),
      log,
      stopping: stopping.signal,
    });
    ({ ownership } = shared);
    await shared.begun;
  };
  return {
    ready: start(),
    stop: async () => {
      stopping.abort();
      await ownership?.stop().catch(() => undefined);
      feed.close();
      client.dispose();
    },
  };
}

interface Following {
  readonly feed: ReturnType<typeof openCosmosFeed>;
  readonly leases: Leases;
  readonly log: (message: string) => void;
  /** False: another process has the range for certain. */
  mayOwn(id: string): Promise<boolean>;
  /** False: the batch comes again, because the host stopped while it failed. */
  handle(documents: readonly unknown[], ending: AbortSignal): Promise<boolean>;
}

/** C1: follows a range until `ending`, or until another process has it. `held`: its lease was read. */
async function followRange(
  { feed, leases, log, mayOwn, handle }: Following,
  { id, range }: { readonly id: string; readonly range: FeedRange },
  ending: AbortSignal,
  held: () => void,
): Promise<void> {
  while (!ending.aborted) {
    try {
      const continuation = await leases.continuation(id);
      held();
      for await (const page of feed.follow(range, continuation, ending)) {
        if (page.documents.length > 0 && !(await handle(page.documents, ending))) return;
        await leases.move(id, page.continuation);
      }
    } catch (error) {
      if (ending.aborted) return;
      if (!(error instanceof LeaseLost)) log(describe(error));
      else if (!(await mayOwn(id))) return;
      await pause(RESTART_DELAY_MS, ending);
    }
  }
}

/** Undefined: the host stopped before the database could be reached. */
async function untilReached<T>(
  work: () => Promise<T>,
  log: (message: string) => void,
  stopping: AbortSignal,
): Promise<T | undefined> {
  while (!stopping.aborted) {
    try {
      return await work();
    } catch (error) {
      if (stopping.aborted) break;
      log(`the database cannot be reached, trying again: ${(error as Error).message}`);
      await pause(RESTART_DELAY_MS, stopping);
    }
  }
  return undefined;
}

function clientOptionsOf(connection: string): CosmosClientOptions {
  const { connectionString, parts } = connectionNamed(connection);
  const policy = {
    requestTimeout: 5_000,
    retryOptions: { maxRetryAttemptCount: 2, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 2 },
  };
  return connectionString
    ? {
        endpoint: /AccountEndpoint=([^;]+)/i.exec(connectionString)?.[1] ?? '',
        key: /AccountKey=([^;]+)/i.exec(connectionString)?.[1] ?? '',
        connectionPolicy: { ...policy, enableEndpointDiscovery: false },
      }
    : {
        endpoint: parts['accountEndpoint'] ?? '',
        aadCredentials: lazyCredential(parts['clientId']),
        connectionPolicy: policy,
      };
}
