/** A Cosmos server of this project and Microsoft's client for it; every case of the conformance suite goes through that client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Container,
  type ContainerRequest,
  CosmosClient,
  type Database,
  type JSONValue,
  type PartitionKey,
} from '@azure/cosmos';
import { type CosmosOptions, type CosmosServer, startCosmos } from '../../cosmos/server.ts';

export interface Harness extends AsyncDisposable {
  readonly server: CosmosServer;
  readonly client: CosmosClient;
  readonly database: Database;
  /** Milliseconds that the server's clock is ahead of the machine's. */
  advance(milliseconds: number): void;
  container(request: ContainerRequest): Promise<Container>;
  close(): Promise<void>;
}

export function clientFor(
  endpoint: string,
  key: string,
  defaultHeaders: Record<string, string> = {},
): CosmosClient {
  return new CosmosClient({
    endpoint,
    key,
    defaultHeaders,
    connectionPolicy: {
      enableEndpointDiscovery: false,
      requestTimeout: 10_000,
      retryOptions: { maxRetryAttemptCount: 3, fixedRetryIntervalInMilliseconds: 5, maxWaitTimeInSeconds: 5 },
    },
  });
}

export async function startHarness(options: Partial<CosmosOptions> = {}): Promise<Harness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cosmos-conformance-'));
  let ahead = 0;
  const server = await startCosmos({ port: 0, dataDir, now: () => Date.now() + ahead, ...options });
  const client = clientFor(server.endpoint, server.key);
  const { database } = await client.databases.createIfNotExists({ id: 'conformance' });
  const close = async () => {
    client.dispose();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    server,
    client,
    database,
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
    container: async (request) => (await database.containers.createIfNotExists(request)).container,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export interface Failure {
  readonly code: number | string | undefined;
  readonly substatus: number | undefined;
  readonly message: string;
}

/** What a call fails with; fails itself when the call does not. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    const { code, substatus, message } = error as Partial<Failure>;
    return { code, substatus, message: String(message) };
  }
  throw new Error('the call was expected to fail');
}

export async function codeOf(work: Promise<unknown>): Promise<number | string | undefined> {
  return (await failureOf(work)).code;
}

/** All rows of a query. */
export async function rowsOf(
  container: Container,
  query: string,
  parameters: Readonly<Record<string, JSONValue>> = {},
  partitionKey?: PartitionKey,
): Promise<unknown[]> {
  const list = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  const options = partitionKey === undefined ? {} : { partitionKey };
  return (await container.items.query({ query, parameters: list }, options).fetchAll()).resources;
}
