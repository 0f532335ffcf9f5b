/**
 * Reads the change feed of one range as soon as there are changes.
 *
 * F1 The local Cosmos DB server holds a request until there are changes (its own extension): nothing is
 *    polled. A server that does not confirm this is polled every `pollMs`, as by the real trigger.
 * F2 After changes, the next are gathered for GATHER_MS: the cost of a busy feed does not grow with its number of writes.
 * F3 A read ends at once when its range is given up; its request, which the SDK cannot cancel, ends by its time-out.
 */
import { ChangeFeedStartFrom, CosmosClient, type CosmosClientOptions, type FeedRange } from '@azure/cosmos';
import { WAIT, WAITED } from '../change-feed-wait.ts';
import { pause } from './retry.ts';

export interface Page {
  readonly documents: readonly unknown[];
  readonly continuation: string;
}

export interface FeedOptions {
  readonly client: CosmosClientOptions;
  readonly database: string;
  readonly container: string;
  readonly startsFromBeginning: boolean;
  readonly pollMs: number;
  readonly limit: number;
}

export interface CosmosFeed {
  ranges(): Promise<readonly FeedRange[]>;
  /** Yields every page with documents, and the first page in any case; ends when `ending` aborts. */
  follow(range: FeedRange, continuation: string | undefined, ending: AbortSignal): AsyncGenerator<Page>;
  close(): void;
}

/** Longest time for which the server may hold a request, and for an answer before the connection counts as dead. */
const WAIT_MS = 20_000;
const REQUEST_MS = 30_000;
const GATHER_MS = 20;

export function openCosmosFeed(options: FeedOptions): CosmosFeed {
  const client = new CosmosClient({
    ...options.client,
    defaultHeaders: { [WAIT]: String(WAIT_MS) },
    connectionPolicy: { ...options.client.connectionPolicy, requestTimeout: REQUEST_MS },
  });
  const container = client.database(options.database).container(options.container);

  return {
    ranges: () => container.getFeedRanges(),
    follow: async function* (range, continuation, ending) {
      const { pollMs, startsFromBeginning, limit: maxItemCount } = options;
      const changeFeedStartFrom =
        continuation !== undefined
          ? ChangeFeedStartFrom.Continuation(continuation)
          : startsFromBeginning
            ? ChangeFeedStartFrom.Beginning(range)
            : ChangeFeedStartFrom.Now(range);
      const iterator = container.items.getChangeFeedIterator({ changeFeedStartFrom, maxItemCount });
      let isFirst = continuation === undefined;
      while (!ending.aborted) {
        const page = await unlessAborted(iterator.readNext(), ending);
        if (page === undefined) return;
        const documents = (page.result ?? []) as unknown[];
        if (documents.length > 0 || isFirst) yield { documents, continuation: page.continuationToken };
        isFirst = false;
        if (documents.length > 0) await pause(Math.min(GATHER_MS, pollMs), ending);
        else if (page.headers[WAITED] === undefined) await pause(pollMs, ending);
      }
    },
    close: () => client.dispose(),
  };
}

/** Undefined when `ending` aborts first. */
async function unlessAborted<T>(work: Promise<T>, ending: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => aborted.resolve(undefined);
  ending.addEventListener('abort', abort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    ending.removeEventListener('abort', abort);
  }
}
