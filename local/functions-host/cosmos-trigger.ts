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
import { createOwnership, type Ownership } from './ownership.ts';
import { describe, invokeWithRetry, pause } from './retry.ts';
import { connectionNamed, resolveSetting, textOf } from './settings.ts';

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
  let ownership: Ownership | undefined;

  const pump = async (
    leases: Leases,
    range: FeedRange,
    id: string,
    ending: AbortSignal,
    held: () => void,
  ): Promise<void> => {
    while (!ending.aborted) {
      try {
        const continuation = await leases.continuation(id);
        held();
        await follow(leases, range, id, continuation, ending);
      } catch (error) {
        if (ending.aborted) return;
        if (error instanceof LeaseLost) {
          if (!(await ownership?.confirm(id).catch(() => true))) return;
        } else context.log('warning', CATEGORY, `${name}: ${describe(error)}`);
        await pause(RESTART_DELAY_MS, ending);
      }
    }
  };

  const follow = async (
    leases: Leases,
    range: FeedRange,
    id: string,
    continuation: string | undefined,
    ending: AbortSignal,
  ): Promise<void> => {
    for await (const page of feed.follow(range, continuation, ending)) {
      if (page.documents.length > 0) {
        const invocation = {
          inputs: [
            { name: trigger.name, data: { json: JSON.stringify(page.documents) } },
            ...context.extraInputs(definition),
          ],
        };
        const result = await invokeWithRetry(context.app, definition, invocation, ending);
        if (!result.ok && ending.aborted) return;
      }
      await leases.move(id, page.continuation);
    }
  };

  const start = async () => {
    let ranges: readonly FeedRange[] | undefined;
    while (!ranges) {
      try {
        if (trigger['createLeaseContainerIfNotExists'] === true) {
          await database.containers.createIfNotExists({
            id: leaseContainer.id,
            partitionKey: { paths: ['/id'] },
          });
        }
        ranges = await feed.ranges();
      } catch (error) {
        if (stopping.signal.aborted) return;
        context.log(
          'warning',
          CATEGORY,
          `${name}: the database cannot be reached, trying again: ${(error as Error).message}`,
        );
        await pause(RESTART_DELAY_MS, stopping.signal);
      }
    }
    const byId = new Map(ranges.map((range, index) => [`${prefix}${monitored}-${index}`, range]));
    const leases = createLeases(leaseContainer, prefix, monitored);
    const attaching: Promise<void>[] = [];
    const hold = (id: string) => {
      const ending = new AbortController();
      const held = Promise.withResolvers<void>();
      const loop = pump(leases, byId.get(id) as FeedRange, id, ending.signal, held.resolve).finally(
        held.resolve,
      );
      attaching.push(held.promise);
      return async () => {
        ending.abort();
        await loop;
      };
    };
    ownership = createOwnership({
      store: leases,
      slots: [...byId.keys()],
      hold,
      log: (message) => context.log('warning', CATEGORY, `${name}: ${message}`),
      stopping: stopping.signal,
    });
    await ownership.ready;
    await Promise.all(attaching);
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
