/**
 * Cosmos DB triggers: a pump over the change feed of each range, its continuation in a lease document.
 *
 * C1 Batches of a range run one after the other; the lease moves after each. Several hosts share the ranges (ownership.ts).
 * C2 A batch that fails moves the lease all the same, unless the function has a retry policy (as on the real host).
 * C3 A batch that was still being retried when the host stopped comes again.
 * C4 A feed that begins now is written down before its first change: what changes while the host is down is not lost.
 */
import { ChangeFeedStartFrom, CosmosClient, type CosmosClientOptions, type FeedRange } from '@azure/cosmos';
import type { FunctionDefinition } from './contract.ts';
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
  const client = clientOf(option('connection', option('connectionStringSetting')));
  const database = client.database(option('databaseName'));
  const monitored = database.container(option('containerName', option('collectionName')));
  const leaseContainer = database.container(option('leaseContainerName', 'leases'));
  const pollMs = Number(trigger['feedPollDelay'] ?? DEFAULT_POLL_MS);
  const limit = Number(trigger['maxItemsPerInvocation'] ?? DEFAULT_ITEMS);
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
    let isWritten = continuation !== undefined;
    const start = continuation
      ? ChangeFeedStartFrom.Continuation(continuation)
      : trigger['startFromBeginning'] === true
        ? ChangeFeedStartFrom.Beginning(range)
        : ChangeFeedStartFrom.Now(range);
    const iterator = monitored.items.getChangeFeedIterator({
      changeFeedStartFrom: start,
      maxItemCount: limit,
    });
    while (!ending.aborted) {
      const page = await iterator.readNext();
      const documents = (page.result ?? []) as unknown[];
      if (documents.length === 0) {
        if (!isWritten) {
          await leases.move(id, page.continuationToken);
          isWritten = true;
        }
        await pause(pollMs, ending);
        continue;
      }
      const invocation = {
        inputs: [
          { name: trigger.name, data: { json: JSON.stringify(documents) } },
          ...context.extraInputs(definition),
        ],
      };
      const result = await invokeWithRetry(context.app, definition, invocation, ending);
      if (!result.ok && ending.aborted) return;
      await leases.move(id, page.continuationToken);
      isWritten = true;
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
        ranges = await monitored.getFeedRanges();
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
    const byId = new Map(ranges.map((range, index) => [`${prefix}${monitored.id}-${index}`, range]));
    const leases = createLeases(leaseContainer, prefix, monitored.id);
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
      client.dispose();
    },
  };
}

function clientOf(connection: string): CosmosClient {
  const { connectionString, parts } = connectionNamed(connection);
  const policy = {
    requestTimeout: 5_000,
    retryOptions: { maxRetryAttemptCount: 2, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 2 },
  };
  const options: CosmosClientOptions = connectionString
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
  return new CosmosClient(options);
}
