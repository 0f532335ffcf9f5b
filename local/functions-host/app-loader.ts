/** Loads a built Function App and makes its functions callable. */
import { randomFillSync, randomUUID } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkedOutputs, missingInput, unwritableOutputs } from './bindings.ts';
import type {
  Binding,
  FunctionApp,
  FunctionDefinition,
  Invocation,
  InvocationResult,
  RetryPolicy,
} from './contract.ts';
import {
  type Callback,
  type Core,
  type CoreInvocationContext,
  installCore,
  type Registered,
} from './core-module.ts';
import type { HostLog } from './log.ts';
import { describe } from './retry.ts';

const HOST_VERSION = '4.1037.0';

export interface LoadedApp extends FunctionApp {
  /** Runs the app's `appTerminate` hooks. */
  terminate(): Promise<void>;
}

export interface LoadOptions {
  /** host.json's functionTimeout. An invocation that takes longer fails, and `timedOut` is called: only a new process ends it. */
  readonly timeoutMs?: number;
  readonly timedOut?: (functionName: string) => void;
}

/**
 * @throws Error that names the file that failed, or says that the app registered nothing
 */
export async function loadApp(
  appDir: string,
  log: HostLog,
  { timeoutMs = Number.POSITIVE_INFINITY, timedOut = () => undefined }: LoadOptions = {},
): Promise<LoadedApp> {
  const core = installCore(HOST_VERSION);
  core.log = (level, category, message) =>
    log(level, category === 'user' ? 'Function.User' : 'Worker', message);
  for (const file of entryFiles(appDir)) await loadFile(file, appDir);
  const appHookData = {};
  for (const hook of core.hooks.get('appStart') ?? []) {
    await hook({ hookData: {}, appHookData, functionAppDirectory: appDir });
  }
  const capabilities = await core.model?.getCapabilities({});
  core.isLocked = true;
  const functions = new Map<string, FunctionDefinition>();
  const byName = new Map<string, Registered>();
  const limits = new Map<string, { missing: Error | undefined; unwritable: ReadonlyMap<string, string> }>();
  for (const registered of core.functions.values()) {
    const { name } = registered.metadata;
    const definition = definitionOf(registered);
    functions.set(name, definition);
    limits.set(registered.metadata.name.toLowerCase(), {
      missing: missingInput(definition),
      unwritable: unwritableOutputs(definition),
    });
    byName.set(name.toLowerCase(), registered);
  }
  const httpUri = capabilities?.['HttpUri'];
  return {
    functions,
    ...(httpUri ? { httpUri } : {}),
    invoke: async (name, invocation) => {
      const invocationId = invocation.invocationId ?? randomUUID();
      const started = performance.now();
      const registered = byName.get(name.toLowerCase());
      const { missing, unwritable = NONE } = limits.get(name.toLowerCase()) ?? {};
      const running = missing
        ? Promise.resolve<InvocationResult>({ ok: false, error: missing })
        : invoke(core, registered, name, { ...invocation, invocationId }, appHookData, log);
      const result = checkedOutputs(await within(timeoutMs, running, name, timedOut), unwritable);
      const took = Math.round(performance.now() - started);
      const line = (outcome: string) =>
        `Executed 'Functions.${name}' (${outcome}, Id=${invocationId}, Duration=${took}ms)`;
      log(
        result.ok ? 'information' : 'error',
        `Function.${name}`,
        result.ok ? line('Succeeded') : `${line('Failed')}: ${describe(result.error)}`,
      );
      return result;
    },
    isForLibraryAlone: (name) => {
      const callback = byName.get(name.toLowerCase())?.callback;
      const isHooked = (['preInvocation', 'postInvocation'] as const).some(
        (hook) => core.hooks.get(hook)?.length,
      );
      return callback !== undefined && !isHooked && isLibrarys(callback);
    },
    terminate: async () => {
      for (const hook of core.hooks.get('appTerminate') ?? []) await hook({ hookData: {}, appHookData });
    },
  };
}

/**
 * The function that `createOrchestrator` of durable-functions returns, bundled or not, without white space: it passes the trigger to the
 * library's executor. https://github.com/Azure/azure-functions-durable-js/blob/v3.x/src/util/testingUtils.ts
 */
const LIBRARYS =
  /^\((\w+),(\w+)\)=>__awaiter\d*\(this,void0,void0,function\*\(\)\{returnyieldlistener\d*\(\1,\2\);?\}\)$/;
const librarys = new WeakMap<Callback, boolean>();

/** Whether the library made it from an orchestrator. */
export function isLibrarys(callback: Callback): boolean {
  const known = librarys.get(callback);
  if (known !== undefined) return known;
  const found = LIBRARYS.test(String(callback).replaceAll(/\s/g, ''));
  librarys.set(callback, found);
  return found;
}

const NONE: ReadonlyMap<string, string> = new Map();

async function within(
  timeoutMs: number,
  running: Promise<InvocationResult>,
  name: string,
  timedOut: (functionName: string) => void,
): Promise<InvocationResult> {
  if (!Number.isFinite(timeoutMs)) return running;
  const late = Promise.withResolvers<InvocationResult>();
  const timer = setTimeout(() => {
    const error = new Error(`Timeout value of ${timeoutMs / 1000} s exceeded by function: Functions.${name}`);
    late.resolve({ ok: false, error });
    timedOut(name);
  }, timeoutMs);
  return Promise.race([running, late.promise]).finally(() => clearTimeout(timer));
}

function entryFiles(appDir: string): string[] {
  const manifest = join(appDir, 'package.json');
  if (!existsSync(manifest)) throw new Error(`${appDir} has no package.json`);
  const { main } = JSON.parse(readFileSync(manifest, 'utf8')) as { main?: string };
  if (!main) throw new Error(`${manifest} has no "main": name the built entry file there`);
  const files = globSync(main, { cwd: appDir }).toSorted();
  if (files.length === 0)
    throw new Error(`${main} (the "main" of ${manifest}) does not exist: build the app first`);
  return files.map((file) => resolve(appDir, file));
}

async function loadFile(file: string, appDir: string): Promise<void> {
  const { type } = JSON.parse(readFileSync(join(appDir, 'package.json'), 'utf8')) as { type?: string };
  const isModule = file.endsWith('.mjs') || (type === 'module' && !file.endsWith('.cjs'));
  try {
    if (isModule) await import(pathToFileURL(file).href);
    else createRequire(file)(file);
  } catch (error) {
    throw new Error(`${file} could not be loaded: ${(error as Error).message}`, { cause: error });
  }
}

function definitionOf({ metadata }: Pick<Registered, 'metadata'>): FunctionDefinition {
  const bindings = Object.entries(metadata.bindings).map(
    ([name, binding]): Binding => ({
      ...binding,
      direction: (binding['direction'] ?? 'in') as Binding['direction'],
      name,
      type: String(binding['type']),
    }),
  );
  const trigger = bindings.find(({ type }) => /trigger$/i.test(type));
  if (!trigger) throw new Error(`the function ${metadata.name} has no trigger`);
  const retry = retryOf(metadata.retryOptions);
  return { name: metadata.name, trigger, bindings, ...(retry ? { retry } : {}) };
}

/** Durations of the protocol are `{seconds, nanos}`. */
function retryOf(options: Registered['metadata']['retryOptions']): RetryPolicy | undefined {
  if (!options) return undefined;
  const ms = (value: unknown): number | undefined => {
    if (typeof value === 'number') return value;
    const { seconds, nanos } = (value ?? {}) as { seconds?: number; nanos?: number };
    return seconds === undefined && nanos === undefined
      ? undefined
      : Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6;
  };
  const strategy = String(options['retryStrategy'] ?? options['strategy'])
    .toLowerCase()
    .includes('exponential')
    ? 'exponentialBackoff'
    : 'fixedDelay';
  const [delayInterval, minimumInterval, maximumInterval] = [
    'delayInterval',
    'minimumInterval',
    'maximumInterval',
  ].map((name) => ms(options[name]));
  return {
    strategy,
    maxRetryCount: Number(options['maxRetryCount']),
    ...(delayInterval === undefined ? {} : { delayInterval }),
    ...(minimumInterval === undefined ? {} : { minimumInterval }),
    ...(maximumInterval === undefined ? {} : { maximumInterval }),
  };
}

/** Never rejects. The order is the worker's: arguments, pre-hooks, the function, post-hooks, response. */
async function invoke(
  core: Core,
  registered: Registered | undefined,
  name: string,
  invocation: Invocation,
  appHookData: object,
  log: HostLog,
): Promise<InvocationResult> {
  if (!registered || !core.model) return { ok: false, error: new Error(`there is no function ${name}`) };
  const invocationId = invocation.invocationId ?? randomUUID();
  const context: CoreInvocationContext = {
    invocationId,
    metadata: registered.metadata,
    request: {
      invocationId,
      functionId: registered.metadata.functionId ?? registered.metadata.name,
      inputData: invocation.inputs,
      triggerMetadata: invocation.triggerMetadata ?? {},
      retryContext: invocation.retry,
      traceContext: {
        traceParent: invocation.traceparent ?? newTraceparent(),
        traceState: '',
        attributes: {},
      },
    },
    log: (level, category, message) =>
      log(level, category === 'user' ? `Function.${name}.User` : 'Worker', message),
  };
  try {
    const model = core.model.getInvocationModel(context);
    const { context: invocationContext, inputs } = await model.getArguments();
    const pre = {
      hookData: {},
      appHookData,
      invocationContext,
      inputs,
      functionCallback: registered.callback,
    };
    context.state = 'preInvocationHooks';
    for (const hook of core.hooks.get('preInvocation') ?? []) await hook(pre);
    context.state = 'invocation';
    const post: Record<string, unknown> = { ...pre, result: null, error: null };
    try {
      post['result'] = await model.invokeFunction(invocationContext, pre.inputs, pre.functionCallback);
    } catch (error) {
      post['error'] = error ?? new Error('the function threw nothing');
    }
    context.state = 'postInvocationHooks';
    for (const hook of core.hooks.get('postInvocation') ?? []) await hook(post);
    if (post['error'] !== null && post['error'] !== undefined) return { ok: false, error: post['error'] };
    const response = await model.getResponse(invocationContext, post['result']);
    return { ok: true, returnValue: response.returnValue, outputs: response.outputData ?? [] };
  } catch (error) {
    return { ok: false, error };
  }
}

const RANDOM = Buffer.alloc(24 * 256);
let used = RANDOM.length;

/** Random bytes are drawn for many requests at once: 24 bytes for each would cost a twentieth of its time. */
function newTraceparent(): string {
  if (used === RANDOM.length) {
    randomFillSync(RANDOM);
    used = 0;
  }
  const trace = RANDOM.toString('hex', used, used + 16);
  const span = RANDOM.toString('hex', used + 16, used + 24);
  used += 24;
  return `00-${trace}-${span}-00`;
}
