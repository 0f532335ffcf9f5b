/** Runs the host: loads the app, opens its triggers and serves it; it stops without losing running invocations. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { loadApp } from './app-loader.ts';
import { unsupportedBindings, unsupportedSettings } from './bindings.ts';
import type { Durable, FunctionApp, FunctionDefinition, Invocation } from './contract.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import { type HttpFrontContext, listen } from './http-front.ts';
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
    const clients = new Map<FunctionDefinition, readonly string[]>();
    const clientsOf = (definition: FunctionDefinition): readonly string[] => {
      const known = clients.get(definition);
      if (known) return known;
      const names = definition.bindings
        .filter(({ type }) => type.toLowerCase() === 'durableclient')
        .map(({ name }) => name);
      clients.set(definition, names);
      return names;
    };
    const extraInputs = (definition: FunctionDefinition): Invocation['inputs'] =>
      clientsOf(definition).map((name) => ({ name, data: { string: durable?.clientBinding() ?? '{}' } }));
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
    const inError = (error: string) => {
      errors.push(error);
      log('error', 'Host.Startup', error);
    };
    const triggers = await startTriggers(enabled, { app, config, log, extraInputs, dataDir, now }, inError);
    await Promise.all(triggers.map((trigger) => trigger.ready));
    ready = true;
    log(
      'information',
      'Host.Startup',
      `Host started (${now() - startedAt}ms), ${app.functions.size} functions`,
    );
    const close = async () => {
      ready = false;
      await Promise.all(triggers.map((trigger) => trigger.stop()));
      await front.close();
      await durable?.close();
      await app.terminate().catch((error: unknown) => {
        log('error', 'Host.Shutdown', `an appTerminate hook failed: ${describe(error)}`);
      });
    };
    const { port, abandon } = front;
    return { port, origin, keys, app, abandon, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await front.close();
    throw error;
  }
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

async function startTriggers(
  definitions: readonly FunctionDefinition[],
  context: TriggerContext,
  inError: (error: string) => void,
): Promise<Trigger[]> {
  const triggers: Trigger[] = [];
  for (const definition of definitions) {
    const load = STARTERS[definition.trigger.type.toLowerCase()];
    if (!load) continue;
    const start = await load();
    try {
      triggers.push(start(definition, context));
    } catch (error) {
      inError(`The '${definition.name}' function is in error: ${(error as Error).message}`);
    }
  }
  return triggers;
}
