/** Runs the host: loads the app, opens its triggers and serves it; it stops without losing running invocations. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type LoadedApp, loadApp } from './app-loader.ts';
import { unsupportedBindings, unsupportedSettings } from './bindings.ts';
import type { Durable, FunctionApp, FunctionDefinition } from './contract.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import { type HttpFront, type HttpFrontContext, listen } from './http-front.ts';
import { type HostKeys, readKeys, writeKeys } from './keys.ts';
import { createHostLog, type HostLog, type LogStyle } from './log.ts';
import { describe } from './retry.ts';
import { createRouter } from './router.ts';
import {
  applyLocalSettings,
  durationMs,
  type HostConfig,
  httpSettings,
  isDisabled,
  readHostConfig,
  resolveSetting,
  textOf,
} from './settings.ts';

export interface HostOptions {
  readonly appDir: string;
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly keysFile?: string;
  /** Where a log line goes; default stdout. */
  readonly write?: (line: string) => void;
  /** Default: JSON. */
  readonly style?: LogStyle;
  readonly now?: () => number;
  /** Called when an invocation has passed functionTimeout: only a new process can end it. */
  readonly exhausted?: (reason: string) => void;
}

export interface FunctionsHost extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly keys: HostKeys;
  readonly app: FunctionApp;
  /** Answers every open request with 500, because the process is about to end. */
  abandon(): void;
  close(): Promise<void>;
}

type Starter = (definition: FunctionDefinition, context: TriggerContext) => Trigger;

/** Loaded only if the app has such a trigger: their SDKs take a second to load. */
const STARTERS: Readonly<Record<string, () => Promise<Starter>>> = {
  eventhubtrigger: async () => (await import('./event-hub-trigger.ts')).startEventHubTrigger,
  cosmosdbtrigger: async () => (await import('./cosmos-trigger.ts')).startCosmosTrigger,
  timertrigger: async () => (await import('./timer-trigger.ts')).startTimerTrigger,
};
const DURABLE = /^(orchestration|activity|entity)trigger$/i;

/** Resolves when every trigger has everything that it needs and requests are served. */
export async function startHost(options: HostOptions): Promise<FunctionsHost> {
  const now = options.now ?? Date.now;
  const startedAt = now();
  const config = readHostConfig(options.appDir);
  const cors = applyLocalSettings(options.appDir, process.env);
  const { routePrefix: prefix, customHeaders } = httpSettings(config);
  const log = createHostLog(
    config.logging?.logLevel ?? {},
    options.write ?? ((line) => process.stdout.write(`${line}\n`)),
    options.style,
  );
  const keysFile = options.keysFile ?? join(options.dataDir, 'keys.json');
  let keys = readKeys(keysFile);
  let context: HttpFrontContext | undefined;
  const front = await listen(options.port, () => context, { cors, customHeaders });
  try {
    const origin = `http://localhost:${front.port}`;
    process.env['WEBSITE_HOSTNAME'] = `localhost:${front.port}`;
    const app = await loadApp(options.appDir, log, {
      timeoutMs: durationMs(config.functionTimeout, Number.POSITIVE_INFINITY),
      timedOut: (name) =>
        options.exhausted?.(`${name} has passed functionTimeout (${config.functionTimeout})`),
    });
    const disabled = new Set([...app.functions.keys()].filter(isDisabled));
    const enabled = [...app.functions.values()].filter(({ name }) => !disabled.has(name));
    const rpcPath = `durabletask/${randomBytes(16).toString('hex')}`;
    const rpcBaseUrl = `http://127.0.0.1:${front.port}/${rpcPath}/`;
    const { dataDir } = options;
    const durable = await openDurable(app, { config, keys, log, now, origin, rpcBaseUrl, dataDir });
    const extraInputs = clientInputs(() => durable?.clientBinding() ?? '{}');
    const router = createRouter(enabled, prefix);
    const errors = [...router.errors, ...unsupportedBindings(enabled)];
    for (const error of errors) log('error', 'Host.Startup', error);
    for (const line of unsupportedSettings(config)) log('warning', 'Host.Startup', line);
    let ready = false;
    context = {
      app,
      get keys() {
        return keys;
      },
      changeKeys: (changed) => {
        keys = changed;
        writeKeys(keysFile, changed);
      },
      disabled,
      errors,
      origin,
      routePrefix: prefix,
      configuration: { extensions: config.extensions ?? {}, concurrency: config.concurrency ?? {} },
      isReady: () => ready,
      startedAt,
      extraInputs,
      now,
      router,
      durable: () => durable,
      rpcPath,
      log,
    };
    await durable?.start();
    const triggers = await startTriggers(enabled, { app, config, log, extraInputs, dataDir, now }, errors);
    await Promise.all(triggers.map((trigger) => trigger.ready));
    ready = true;
    log(
      'information',
      'Host.Startup',
      `Host started (${now() - startedAt}ms), ${app.functions.size} functions`,
    );
    const close = () => {
      ready = false;
      return stopAll({ triggers, front, durable, app, log });
    };
    const { port, abandon } = front;
    return { port, origin, keys, app, abandon, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await front.close();
    throw error;
  }
}

interface Started {
  readonly triggers: readonly Trigger[];
  readonly front: HttpFront;
  readonly durable: Durable | undefined;
  readonly app: LoadedApp;
  readonly log: HostLog;
}

/** Triggers first: nothing begins any more. The app's hooks come last. */
async function stopAll({ triggers, front, durable, app, log }: Started): Promise<void> {
  await Promise.all(triggers.map((trigger) => trigger.stop()));
  await front.close();
  await durable?.close();
  await app.terminate().catch((error: unknown) => {
    log('error', 'Host.Shutdown', `an appTerminate hook failed: ${describe(error)}`);
  });
}

/** The values of a function's input bindings: the Durable clients. */
function clientInputs(binding: () => string): HttpFrontContext['extraInputs'] {
  const known = new Map<FunctionDefinition, readonly string[]>();
  const clientsOf = (definition: FunctionDefinition): readonly string[] => {
    const found =
      known.get(definition) ??
      definition.bindings
        .filter(({ type }) => type.toLowerCase() === 'durableclient')
        .map(({ name }) => name);
    known.set(definition, found);
    return found;
  };
  return (definition) => clientsOf(definition).map((name) => ({ name, data: { string: binding() } }));
}

interface EnginePlace {
  readonly config: HostConfig;
  readonly keys: HostKeys;
  readonly log: HostLog;
  readonly now: () => number;
  readonly origin: string;
  readonly rpcBaseUrl: string;
  readonly dataDir: string;
}

/** The engine is loaded only if the app needs it. */
async function openDurable(app: FunctionApp, place: EnginePlace): Promise<Durable | undefined> {
  const isUsed = [...app.functions.values()].some(
    ({ trigger, bindings }) =>
      DURABLE.test(trigger.type) || bindings.some(({ type }) => type.toLowerCase() === 'durableclient'),
  );
  if (!isUsed) return undefined;
  const { createDurable } = await import('../durable/engine.ts');
  const settings = place.config.extensions?.['durableTask'] ?? {};
  const { log, now, origin, rpcBaseUrl } = place;
  return createDurable({
    app,
    dataDir: join(place.dataDir, 'durable'),
    taskHub: resolveSetting(textOf(settings['hubName'], 'TestHubName')),
    origin,
    systemKey: place.keys.system.durabletask_extension,
    rpcBaseUrl,
    settings,
    log,
    now,
  });
}

/** A trigger that cannot start puts its function in error. */
async function startTriggers(
  definitions: readonly FunctionDefinition[],
  context: TriggerContext,
  errors: string[],
): Promise<Trigger[]> {
  const triggers: Trigger[] = [];
  for (const definition of definitions) {
    const load = STARTERS[definition.trigger.type.toLowerCase()];
    if (!load) continue;
    const start = await load();
    try {
      triggers.push(start(definition, context));
    } catch (error) {
      const line = `The '${definition.name}' function is in error: ${(error as Error).message}`;
      errors.push(line);
      context.log('error', 'Host.Startup', line);
    }
  }
  return triggers;
}
