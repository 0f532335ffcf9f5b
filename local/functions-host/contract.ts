/**
 * The interface between the Functions host and its engines (Durable), as plain data.
 *
 * The shapes are those of the worker protocol: `@azure/functions` reads RpcTypedData, so the same data travels here as
 * between a real host and its Node worker. Source: Azure/azure-functions-language-worker-protobuf, FunctionRpc.proto.
 */

/** One value on its way to or from a function; exactly one member is set, none means undefined. */
export interface RpcTypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly int?: number;
  readonly double?: number;
  readonly http?: unknown;
  readonly collectionString?: { readonly string: readonly string[] };
  readonly collectionBytes?: { readonly bytes: readonly Uint8Array[] };
  readonly collectionSint64?: { readonly sint64: readonly number[] };
}

/** A binding as the app declared it: its options, its type and its direction. */
export interface Binding {
  readonly name: string;
  readonly type: string;
  readonly direction: 'in' | 'out' | 'inout';
  readonly [option: string]: unknown;
}

/** A retry policy of a trigger; intervals in milliseconds; `maxRetryCount` -1 means unlimited. */
export interface RetryPolicy {
  readonly strategy: 'fixedDelay' | 'exponentialBackoff';
  readonly maxRetryCount: number;
  readonly delayInterval?: number;
  readonly minimumInterval?: number;
  readonly maximumInterval?: number;
}

/** A function that the app registered. `trigger` is the one binding whose type ends in `Trigger` (compare types ignoring case). */
export interface FunctionDefinition {
  readonly name: string;
  readonly trigger: Binding;
  readonly bindings: readonly Binding[];
  readonly retry?: RetryPolicy;
}

/** One call of a function. Input names must be binding names of the function. */
export interface Invocation {
  /** Created if absent. */
  readonly invocationId?: string;
  readonly inputs: readonly { readonly name: string; readonly data: RpcTypedData }[];
  readonly triggerMetadata?: Readonly<Record<string, RpcTypedData>>;
  /** W3C trace context of the cause of the call. */
  readonly traceparent?: string;
  readonly retry?: {
    readonly retryCount: number;
    readonly maxRetryCount: number;
    readonly exception?: unknown;
  };
}

/** The result of a call. `error` is the value that the function threw, even if it is not an Error. */
export type InvocationResult =
  | {
      readonly ok: true;
      readonly returnValue?: unknown;
      readonly outputs: readonly { readonly name: string; readonly data: RpcTypedData }[];
    }
  | { readonly ok: false; readonly error: unknown };

/** The loaded app, with its functions and a way to call them. Calls never reject; failures are results. */
export interface FunctionApp {
  readonly functions: ReadonlyMap<string, FunctionDefinition>;
  /** With HTTP streaming on, the target of forwarded requests: the library's own server. */
  readonly httpUri?: string;
  invoke(functionName: string, invocation: Invocation): Promise<InvocationResult>;
  /**
   * Whether only the library `durable-functions` sees the trigger's input of this orchestration, and neither code of the app nor a hook.
   * Absent: others may see it.
   */
  isForLibraryAlone?(functionName: string): boolean;
}

/** A request to an engine's HTTP API, already authorized by the host; `path` begins after the engine's prefix. */
export interface EngineRequest {
  readonly method: string;
  /** Still percent-encoded, with a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Absolute URL that the client used, for Location headers. */
  readonly url: string;
}

export interface EngineResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One structured log line; `category` is Application Insights' (`Host.Triggers.DurableTask`, `Function.<name>`, …). */
export type EngineLog = (
  level: 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical',
  category: string,
  message: string,
) => void;

/** The options with which the host creates the Durable engine. */
export interface DurableOptions {
  readonly app: FunctionApp;
  /** Folder for the SQLite history; created when missing. */
  readonly dataDir: string;
  readonly taskHub: string;
  /** `http://localhost:7071`, without a trailing slash: the origin in management URLs. */
  readonly origin: string;
  /** Value of the `durabletask_extension` system key, put into management URLs as `code`. */
  readonly systemKey: string;
  /** `http://127.0.0.1:<port>/durabletask/<secret>/`: the base of the in-process client's calls, trailing slash required. */
  readonly rpcBaseUrl: string;
  /** `extensions.durableTask` of host.json, as it is. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: EngineLog;
  /** Milliseconds since the epoch; default Date.now. */
  readonly now?: () => number;
  /** Largest number of messages in an episode; default all. With 1, an orchestration is replayed from its start after every event. */
  readonly episodeSize?: number;
  /** Time without a sign of life after which another process of the task hub counts as gone; ms, default 5,000. */
  readonly leaseMs?: number;
  /** Called whenever a write is on disk, before anything follows from it. */
  readonly onCommit?: () => void;
}

/** The host's interface to the Durable engine (`createDurable` in local/durable). */
export interface Durable extends AsyncDisposable {
  /** Recovers the work of an earlier process, then begins to work. */
  start(): Promise<void>;
  /** The management HTTP API: paths below `/runtime/webhooks/durabletask` and below `rpcBaseUrl`. */
  handle(request: EngineRequest, via: 'public' | 'rpc'): Promise<EngineResponse>;
  /** The JSON of a `durableClient` input binding. */
  clientBinding(): string;
  /** Stops taking work, lets running activities end for up to `graceMs`, closes the store. */
  close(graceMs?: number): Promise<void>;
}
