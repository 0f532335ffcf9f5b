/**
 * Cosmos DB triggers: a pump over the change feed of each range, its continuation in a lease document.
 *
 * C1 Batches of a range run one after the other; the lease moves after each.
 * C2 A batch that fails moves the lease all the same, unless the function has a retry policy (as on the real host).
 * C3 A batch that was still being retried when the host stopped comes again.
 * C4 A feed that begins now is written down before its first change: what changes while the host is down is not lost.
 */
import {
  ChangeFeedStartFrom,
  type Container,
  CosmosClient,
  type CosmosClientOptions,
  type FeedRange,
} from '@azure/cosmos';
import { lazyCredential } from '../../shared/auth/credential.ts';
import type { FunctionDefinition } from './contract.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import { describe, invokeWithRetry, pause } from './retry.ts';
import { connectionNamed, resolveSetting, textOf } from './settings.ts';

const CATEGORY = 'Host.Triggers.CosmosDB';
const DEFAULT_POLL_MS = 5_000;
const DEFAULT_ITEMS = 100;
const RESTART_DELAY_MS = 250;

interface Lease {
  readonly id: string;
  readonly continuation?: string;
  readonly owner: string;
}

export function startCosmosTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const option = (key: string, fallback = '') => resolveSetting(textOf(trigger[key], fallback));
  const stopping = new AbortController();
  const client = clientOf(option('connection', option('connectionStringSetting')));
  const database = client.database(option('databaseName'));
  const monitored = database.container(option('containerName', option('collectionName')));
  const leases = database.container(option('leaseContainerName', 'leases'));
  const pollMs = Number(trigger['feedPollDelay'] ?? DEFAULT_POLL_MS);
  const limit = Number(trigger['maxItemsPerInvocation'] ?? DEFAULT_ITEMS);
  const prefix = option('leaseContainerPrefix');
  const loops: Promise<void>[] = [];

  const pump = async (range: FeedRange, index: number, held: () => void): Promise<void> => {
    const id = `${prefix}${monitored.id}-${index}`;
    while (!stopping.signal.aborted) {
      try {
        const lease = await leaseOf(leases, id);
        held();
        await follow(range, lease);
      } catch (error) {
        context.log('warning', CATEGORY, `${name}: ${describe(error)}`);
        await pause(RESTART_DELAY_MS, stopping.signal);
      }
    }
  };

  const follow = async (range: FeedRange, lease: Lease): Promise<void> => {
    let isWritten = lease.continuation !== undefined;
    const fromBeginning = trigger['startFromBeginning'] === true;
    const start = lease.continuation
      ? ChangeFeedStartFrom.Continuation(lease.continuation)
      : fromBeginning
        ? ChangeFeedStartFrom.Beginning(range)
        : ChangeFeedStartFrom.Now(range);
    const iterator = monitored.items.getChangeFeedIterator({
      changeFeedStartFrom: start,
      maxItemCount: limit,
    });
    while (!stopping.signal.aborted) {
      const page = await iterator.readNext();
      const documents = (page.result ?? []) as unknown[];
      if (documents.length === 0) {
        if (!isWritten) {
          await leases.items.upsert({ ...lease, continuation: page.continuationToken });
          isWritten = true;
        }
        await pause(pollMs, stopping.signal);
        continue;
      }
      const invocation = {
        inputs: [
          { name: trigger.name, data: { json: JSON.stringify(documents) } },
          ...context.extraInputs(definition),
        ],
      };
      const result = await invokeWithRetry(context.app, definition, invocation, context.log, stopping.signal);
      if (!result.ok && stopping.signal.aborted) return;
      await leases.items.upsert({ ...lease, continuation: page.continuationToken });
      isWritten = true;
    }
  };

  const start = async () => {
    let ranges: readonly FeedRange[] | undefined;
    while (!ranges) {
      try {
        if (trigger['createLeaseContainerIfNotExists'] === true) {
          await database.containers.createIfNotExists({ id: leases.id, partitionKey: { paths: ['/id'] } });
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
    const holding = ranges.map((range, index) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      loops.push(pump(range, index, resolve));
      return promise;
    });
    await Promise.all(holding);
  };

  return {
    ready: start(),
    stop: async () => {
      stopping.abort();
      await Promise.allSettled(loops);
      client.dispose();
    },
  };
}

async function leaseOf(leases: Container, id: string): Promise<Lease> {
  const { resource } = await leases.item(id, id).read<Lease>();
  if (resource)
    return {
      id,
      owner: resource.owner,
      ...(resource.continuation ? { continuation: resource.continuation } : {}),
    };
  return { id, owner: String(process.pid) };
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
        aadCredentials: lazyCredential(),
        connectionPolicy: policy,
      };
  return new CosmosClient(options);
}
