/**
 * Provides `@azure/functions-core`, the module that exists only inside a worker: `@azure/functions` registers with it.
 *
 * M1 It is injected through `Module.prototype.require`, as the worker does; the library caches the module, so there is one core and one app
 *    per process.
 * M2 After the app has started, nothing more can be registered.
 * Source: Azure/azure-functions-nodejs-worker, src/setupCoreModule.ts.
 */
import Module from 'node:module';

export interface FunctionMetadata {
  readonly name: string;
  readonly functionId?: string;
  readonly bindings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly retryOptions?: Readonly<Record<string, unknown>>;
}

export type Callback = (...args: readonly unknown[]) => unknown;

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly metadata: FunctionMetadata;
  state?: string;
  log(level: string, category: string, message: string): void;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface InvocationResponse {
  readonly returnValue?: unknown;
  readonly outputData?: readonly { readonly name: string; readonly data: never }[];
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
  getCapabilities(
    capabilities: Record<string, string>,
  ): Promise<Record<string, string>> | Record<string, string>;
}

export interface Registered {
  readonly metadata: FunctionMetadata;
  readonly callback: Callback;
}

export type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log';

export interface Core {
  readonly functions: Map<string, Registered>;
  readonly hooks: ReadonlyMap<HookName, ((context: Record<string, unknown>) => unknown)[]>;
  model: ProgrammingModel | undefined;
  isLocked: boolean;
  /** Receives the logs of the library and the app. */
  log: (level: string, category: string, message: string) => void;
}

const HOOKS: readonly HookName[] = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'];

let core: Core | undefined;

/** The only core of this process; it injects itself at the first call. */
export function installCore(hostVersion: string): Core {
  if (core) return core;
  const made: Core = {
    functions: new Map(),
    hooks: new Map(HOOKS.map((name) => [name, []])),
    model: undefined,
    isLocked: false,
    log: () => undefined,
  };
  core = made;
  inject(moduleOf(made, hostVersion));
  return made;
}

class Disposable {
  private readonly release: () => void;

  constructor(release: () => void) {
    this.release = release;
  }

  dispose(): void {
    this.release();
  }
}

function moduleOf(core: Core, hostVersion: string): unknown {
  return {
    version: '1.0.0',
    hostVersion,
    Disposable,
    getProgrammingModel: () => core.model,
    setProgrammingModel: (model: ProgrammingModel) => {
      core.model = model;
    },
    log: (level: string, category: string, message: string) => core.log(level, category, message),
    registerFunction: (metadata: FunctionMetadata, callback: Callback) => {
      if (core.isLocked) throw systemError('A function can only be registered during app startup.');
      const id = metadata.functionId ?? metadata.name;
      if (core.functions.has(id))
        throw systemError(`A function with id "${id}" has already been registered.`);
      core.functions.set(id, { metadata, callback });
      return new Disposable(() => {
        if (core.isLocked) throw systemError('A function can only be disposed during app startup.');
        core.functions.delete(id);
      });
    },
    registerHook: (name: HookName, callback: (context: Record<string, unknown>) => unknown) => {
      const list = core.hooks.get(name);
      if (!list)
        throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), {
          isAzureFunctionsSystemError: true,
        });
      list.push(callback);
      return new Disposable(() => {
        const index = list.indexOf(callback);
        if (index >= 0) list.splice(index, 1);
      });
    },
  };
}

function systemError(message: string): Error {
  return Object.assign(new Error(message), { isAzureFunctionsSystemError: true });
}

function inject(coreModule: unknown): void {
  const prototype = (Module as unknown as { prototype: { require: (id: string) => unknown } }).prototype;
  const original = prototype.require;
  prototype.require = function patched(this: unknown, id: string): unknown {
    return id === '@azure/functions-core' ? coreModule : original.call(this, id);
  };
}
