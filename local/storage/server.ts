/**
 * Serves Blob storage (queues and tables on request) on loopback: Azurite in process, with two differences. An answered write
 * survives `kill -9`, because metadata-rows.ts keeps its metadata and held-answers.ts holds its answers; and
 * token-listener.ts accepts tokens over TLS.
 */
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createDiskWatch } from '../disk-watch.ts';
import { createHostCheck, protect } from '../host-check.ts';
import { ACCOUNT, KEY, type Service } from './account.ts';
import type {
  AzuriteServer,
  BlobConfigurationClass,
  ServerClass,
  TableConfigurationClass,
} from './azurite-parts.ts';
import { type CommitWatch, holdAnswers, QUEUE_READS, READS } from './held-answers.ts';
import { MetadataRows } from './metadata-rows.ts';
import type { TokenListener, TokenOptions } from './token-listener.ts';

export type { TokenOptions } from './token-listener.ts';

const HOST = '127.0.0.1';
const KEEP_ALIVE_SECONDS = 5;
const PARALLEL_EXTENTS = 5;
const SQLITE_BUSY = 5;
const SQLITE_NOT_A_DATABASE = 26;

export interface StorageOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  /** Ports of the services that are off when absent. */
  readonly queue?: { readonly port: number };
  readonly table?: { readonly port: number };
  /** A listener with TLS for each service, which also accepts tokens. */
  readonly tokens?: TokenOptions;
  /** Answers at once, as plain Azurite does, so answered writes can be lost. Only for a test that shows this. */
  readonly answerBeforeSave?: boolean;
  /** Called with a line when the disk is full, and when it has room again. Default: stderr. */
  readonly warn?: (line: string) => void;
}

export interface StorageServer extends AsyncDisposable {
  /** Of the blob service. */
  readonly port: number;
  readonly connectionString: string;
  /** `https://localhost:…/devstoreaccount1` of each service, for clients with a token. */
  readonly tokenEndpoints: Readonly<Partial<Record<Service, string>>>;
  close(): Promise<void>;
}

/** @throws Error with one line that says what to do: port in use, data in use by another process, damaged file */
export async function startStorage(options: StorageOptions): Promise<StorageServer> {
  await mkdir(options.dataDir, { recursive: true });
  const rows = openRows(options.dataDir);
  const watch = watchCommits(options.warn ?? say);
  const started: AzuriteServer[] = [];
  const listeners: TokenListener[] = [];
  const tokenEndpoints: Partial<Record<Service, string>> = {};
  const start = async (name: Service, server: AzuriteServer) => {
    rows.attach(`${name}-metadata`, server.metadataStore);
    if (server.extentMetadataStore) rows.attach(`${name}-extents`, server.extentMetadataStore);
    const reads = name === 'queue' ? QUEUE_READS : READS;
    if (!options.answerBeforeSave) holdAnswers(server.httpServer, () => rows.commit(), watch, reads);
    protect(server.httpServer, createHostCheck());
    await server.start();
    started.push(server);
    if (options.tokens) {
      // Loaded only if tokens are accepted: it needs memory.
      const { startTokenListener } = await import('./token-listener.ts');
      const listener = await startTokenListener(name, server.httpServer, options.tokens);
      listeners.push(listener);
      tokenEndpoints[name] = `https://localhost:${listener.port}/${ACCOUNT}`;
    }
    return (server.httpServer.address() as AddressInfo).port;
  };
  const close = async () => {
    for (const server of [...listeners.splice(0), ...started.splice(0)]) await server.close();
    rows[Symbol.dispose]();
  };
  try {
    const port = await start('blob', await blobServer(options.port, options.dataDir));
    const endpoints = [`BlobEndpoint=http://${HOST}:${port}/${ACCOUNT}`];
    if (options.queue) {
      const queue = await start('queue', await queueServer(options.queue.port, options.dataDir));
      endpoints.push(`QueueEndpoint=http://${HOST}:${queue}/${ACCOUNT}`);
    }
    if (options.table) {
      const table = await start('table', await tableServer(options.table.port, options.dataDir));
      endpoints.push(`TableEndpoint=http://${HOST}:${table}/${ACCOUNT}`);
    }
    const connectionString = `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};${endpoints.join(';')};`;
    return { port, connectionString, tokenEndpoints, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openRows(dataDir: string): MetadataRows {
  const file = join(dataDir, 'metadata.sqlite');
  try {
    return new MetadataRows(file);
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (code === SQLITE_BUSY) {
      throw new Error(`${dataDir} is in use by another process; stop it, or start with --data DIR`, {
        cause: error,
      });
    }
    if (code === SQLITE_NOT_A_DATABASE) {
      throw new Error(`${file} is damaged; restore it, or start again with --reset`, { cause: error });
    }
    throw error;
  }
}

const say = (line: string): void => {
  process.stderr.write(`storage: ${line}\n`);
};

function watchCommits(warn: (line: string) => void): CommitWatch {
  const disk = createDiskWatch(warn);
  return {
    failed: (error) => {
      if (!disk.refused(error))
        warn(`cannot save: ${error instanceof Error ? error.message : String(error)}`);
    },
    done: disk.taken,
  };
}

async function blobServer(port: number, dataDir: string): Promise<AzuriteServer> {
  const server = classOf(await import('azurite/dist/src/blob/BlobServer.js')) as ServerClass;
  const kindOf = classOf(
    await import('azurite/dist/src/blob/BlobConfiguration.js'),
  ) as BlobConfigurationClass;
  return new server(withExtents(kindOf, port, dataDir, 'blob'));
}

async function queueServer(port: number, dataDir: string): Promise<AzuriteServer> {
  const server = classOf(await import('azurite/dist/src/queue/QueueServer.js')) as ServerClass;
  const kindOf = classOf(
    await import('azurite/dist/src/queue/QueueConfiguration.js'),
  ) as BlobConfigurationClass;
  return new server(withExtents(kindOf, port, dataDir, 'queue'));
}

async function tableServer(port: number, dataDir: string): Promise<AzuriteServer> {
  const server = classOf(await import('azurite/dist/src/table/TableServer.js')) as ServerClass;
  const kindOf = classOf(
    await import('azurite/dist/src/table/TableConfiguration.js'),
  ) as TableConfigurationClass;
  const file = join(dataDir, 'table.unused');
  const configuration = new kindOf(
    HOST,
    port,
    KEEP_ALIVE_SECONDS,
    file,
    false,
    false,
    undefined,
    undefined,
    false,
    true,
  );
  return new server(configuration);
}

/** Node, bundlers and test runners differ in how often they unwrap the default export of CommonJS. */
function classOf(module: { readonly default: unknown }): unknown {
  const { default: inner } = module.default as { readonly default?: unknown };
  return inner ?? module.default;
}

/** The paths of the metadata files are never written: metadata-rows.ts replaces these files. */
function withExtents(kind: BlobConfigurationClass, port: number, dataDir: string, name: string): object {
  const places = [
    { locationId: 'Default', locationPath: join(dataDir, name), maxConcurrency: PARALLEL_EXTENTS },
  ];
  const unused = (what: string) => join(dataDir, `${name}-${what}.unused`);
  return new kind(
    HOST,
    port,
    KEEP_ALIVE_SECONDS,
    unused('metadata'),
    unused('extents'),
    places,
    false,
    undefined,
    false,
    undefined,
    false,
    true,
  );
}
