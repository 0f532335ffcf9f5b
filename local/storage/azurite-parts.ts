/** The parts of Azurite 3.37 and of its store, LokiJS 1.5, that the wrapper touches. */
import type { Server } from 'node:http';

export interface LokiDocument {
  readonly $loki: number;
}

export interface LokiCollection {
  readonly name: string;
  data: LokiDocument[];
  maxId: number;
  dirty: boolean;
  /** Ids of inserted, updated and removed documents; kept only when the database is incremental. */
  dirtyIds: number[];
  idIndex: number[] | null;
  readonly binaryIndices: Readonly<Record<string, unknown>>;
  readonly uniqueNames: readonly string[];
  get(id: number): LokiDocument | null;
  ensureId(): void;
  ensureAllIndexes(force: boolean): void;
  ensureUniqueIndex(field: string): void;
}

export interface LokiAdapter {
  readonly mode: 'incremental';
  loadDatabase(name: string, done: (content: null) => void): void;
  saveDatabase(name: string, copy: () => unknown, done: (error?: unknown) => void): void;
}

export interface Loki {
  collections: LokiCollection[];
  persistenceAdapter: LokiAdapter;
  isIncremental: boolean;
  getCollection(name: string): LokiCollection | null;
  addCollection(
    name: string,
    options: { indices: readonly string[]; unique: readonly string[] },
  ): LokiCollection;
}

export interface LokiStore {
  readonly db: Loki;
  init(): Promise<void>;
}

export interface AzuriteServer {
  readonly httpServer: Server;
  readonly metadataStore: LokiStore;
  /** The files with the blobs' bytes; tables have none. */
  readonly extentMetadataStore?: LokiStore;
  start(): Promise<void>;
  close(): Promise<void>;
}

export type ServerClass = new (configuration: object) => AzuriteServer;

export interface ExtentPlace {
  readonly locationId: string;
  readonly locationPath: string;
  readonly maxConcurrency: number;
}

/** The same for queues. `keepAlive` in seconds. */
export type BlobConfigurationClass = new (
  host: string,
  port: number,
  keepAlive: number,
  metadataPath: string,
  extentPath: string,
  places: readonly ExtentPlace[],
  accessLog: boolean,
  accessLogStream: undefined,
  debugLog: boolean,
  debugLogPath: undefined,
  loose: boolean,
  skipApiVersionCheck: boolean,
) => object;

export type TableConfigurationClass = new (
  host: string,
  port: number,
  keepAlive: number,
  metadataPath: string,
  debugLog: boolean,
  accessLog: boolean,
  accessLogStream: undefined,
  debugLogPath: undefined,
  loose: boolean,
  skipApiVersionCheck: boolean,
) => object;
