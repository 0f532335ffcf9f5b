/** What the engine's tests share: the fixture app, an engine on a folder of its own, and the API as short calls. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDurable } from '../../durable/engine.ts';
import { loadApp } from '../../functions-host/app-loader.ts';
import type { Durable, DurableOptions, EngineResponse, FunctionApp } from '../../functions-host/contract.ts';

const FIXTURE = fileURLToPath(new URL('durable-app', import.meta.url));
let loading: Promise<FunctionApp> | undefined;

/** Lines of the app's executions: `information Function.six`. */
export const executions: string[] = [];

/** The fixture; loaded once, because a process has one app. */
export function fixtureApp(): Promise<FunctionApp> {
  loading ??= loadApp(FIXTURE, (level, category, message) => {
    if (message.startsWith('Executed ')) executions.push(`${level} ${category}`);
  });
  return loading;
}

/** The fixture, with a call before each execution, which waits for it. */
export async function fixtureWith(before: (functionName: string) => unknown): Promise<FunctionApp> {
  const app = await fixtureApp();
  return {
    ...app,
    invoke: async (name, invocation) => {
      await before(name);
      return app.invoke(name, invocation);
    },
  };
}

/** The fixture with a function that waits until it is let go. */
export async function fixtureThatHolds(functionName: string): Promise<{
  readonly app: FunctionApp;
  /** Executions that have begun. */
  readonly begun: () => number;
  readonly letGo: () => void;
}> {
  const held = Promise.withResolvers<void>();
  let begun = 0;
  const app = await fixtureWith((name) => {
    if (name !== functionName) return undefined;
    begun += 1;
    return held.promise;
  });
  return { app, begun: () => begun, letGo: held.resolve };
}

export interface Status {
  readonly name: string;
  readonly runtimeStatus: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly customStatus: unknown;
  readonly historyEvents?: readonly Readonly<Record<string, unknown>>[];
}

export interface Hub extends AsyncDisposable {
  readonly dataDir: string;
  readonly durable: Durable;
  readonly logs: string[];
  call(method: string, path: string, body?: unknown): Promise<EngineResponse>;
  start(name: string, id: string, input?: unknown): Promise<EngineResponse>;
  raise(id: string, event: string, data?: unknown): Promise<EngineResponse>;
  status(id: string, query?: string): Promise<Status>;
  /** The status once `isIt` holds, by default once the instance is over. */
  until(id: string, isIt?: (status: Status) => boolean): Promise<Status>;
}

const FINAL = ['Completed', 'Failed', 'Terminated'];
const PATIENCE_MS = 10_000;

/** An engine that runs; on an earlier engine's `dataDir` it goes on from there. */
export async function openHub(
  dataDir = mkdtempSync(join(tmpdir(), 'durable-')),
  more: Partial<DurableOptions> = {},
): Promise<Hub> {
  const logs: string[] = [];
  const durable = createDurable({
    app: await fixtureApp(),
    dataDir,
    taskHub: 'TestHub',
    origin: 'http://localhost:7071',
    systemKey: 'system-key',
    rpcBaseUrl: 'http://127.0.0.1:1/durabletask/x/',
    settings: {},
    log: (level, _category, message) => logs.push(`${level}: ${message}`),
    ...more,
  });
  await durable.start();
  const hub: Hub = {
    dataDir,
    durable,
    logs,
    call(method, path, body) {
      const url = new URL(path, 'http://localhost:7071');
      const text = body === undefined ? '' : JSON.stringify(body);
      return durable.handle(
        {
          method,
          path: url.pathname,
          query: url.searchParams,
          headers: text ? { 'content-type': 'application/json' } : {},
          body: Buffer.from(text),
          url: url.href,
        },
        'public',
      );
    },
    start: (name, id, input = {}) => hub.call('POST', `/orchestrators/${name}/${id}`, input),
    raise: (id, event, data = null) => hub.call('POST', `/instances/${id}/raiseEvent/${event}`, data),
    async status(id, query = '') {
      const { body } = await hub.call('GET', `/instances/${id}?${query}`);
      return JSON.parse(body ?? 'null') as Status;
    },
    async until(id, isIt = ({ runtimeStatus }) => FINAL.includes(runtimeStatus)) {
      const end = Date.now() + PATIENCE_MS;
      for (;;) {
        const status = await hub.status(id, 'showHistory=true&showHistoryOutput=true');
        if (status && isIt(status)) return status;
        if (Date.now() > end) throw new Error(`${id} is still ${JSON.stringify(status)}\n${logs.join('\n')}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    [Symbol.asyncDispose]: () => durable.close(1_000),
  };
  return hub;
}
