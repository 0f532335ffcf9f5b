/** `/admin`: ping, status, functions, and running a function by hand. https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http */
import type { FunctionApp, FunctionDefinition, Invocation } from './contract.ts';
import { type HostKeys, holderOf } from './keys.ts';
import { manualPayload } from './timer-trigger.ts';

export interface AdminRequest {
  readonly method: string;
  /** Below `/admin/`. */
  readonly path: string;
  readonly key: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body?: unknown;
}

export interface AdminContext {
  readonly app: FunctionApp;
  readonly keys: HostKeys;
  readonly isReady: () => boolean;
  readonly startedAt: number;
  readonly extraInputs: (definition: FunctionDefinition) => Invocation['inputs'];
  readonly now: () => number;
}

export function admin(request: AdminRequest, context: AdminContext): AdminAnswer {
  const [area, ...rest] = request.path.split('/').filter(Boolean);
  if (area === 'host' && rest[0] === 'ping') return { status: 200 };
  if (area !== 'host' && area !== 'functions') return { status: 404 };
  const holder = holderOf(context.keys, request.key);
  if (holder !== 'master') return { status: holder === 'nobody' || holder === 'wrong' ? 401 : 403 };
  if (area === 'host' && rest[0] === 'status') return { status: 200, body: status(context) };
  if (area === 'host' && rest[0] === 'keys')
    return { status: 200, body: { keys: [{ name: 'default', value: context.keys.host }] } };
  if (area === 'host') return { status: 404 };
  const [name] = rest;
  if (name === undefined) return { status: 200, body: [...context.app.functions.values()].map(view) };
  const definition = [...context.app.functions.values()].find(
    (each) => each.name.toLowerCase() === name.toLowerCase(),
  );
  if (!definition) return { status: 404 };
  return request.method === 'POST'
    ? runByHand(definition, request, context)
    : { status: 200, body: view(definition) };
}

function status({ isReady, startedAt, now }: AdminContext): unknown {
  return {
    id: 'local',
    state: isReady() ? 'Running' : 'Initialized',
    version: '4.1037.0',
    versionDetails: 'local',
    platformVersion: '',
    instanceId: String(process.pid),
    processUptime: now() - startedAt,
    functionAppContentEditingState: 'NotAllowed',
    extensionBundle: null,
  };
}

function view({ name, bindings, trigger }: FunctionDefinition): unknown {
  return {
    name,
    language: 'node',
    isDisabled: false,
    isDirect: false,
    isProxy: false,
    trigger: trigger.type,
    config: { bindings },
  };
}

/** 202 at once, whatever the function comes to. */
function runByHand(
  definition: FunctionDefinition,
  request: AdminRequest,
  context: AdminContext,
): AdminAnswer {
  if (!/^application\/json\b/i.test(request.contentType ?? '')) return { status: 415 };
  let input: unknown;
  try {
    ({ input } = JSON.parse(request.body.toString()) as { input?: unknown });
  } catch {
    return { status: 400 };
  }
  const { trigger } = definition;
  const text = typeof input === 'string' ? input : JSON.stringify(input ?? '');
  const kind = trigger.type.toLowerCase();
  if (kind === 'httptrigger' || kind === 'orchestrationtrigger' || kind === 'entitytrigger')
    return { status: 202 };
  const data =
    kind === 'timertrigger' ? { json: manualPayload(definition, context.now()) } : { string: text };
  void context.app.invoke(definition.name, {
    inputs: [{ name: trigger.name, data }, ...context.extraInputs(definition)],
  });
  return { status: 202 };
}
