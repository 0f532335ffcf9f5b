/** Serves `/admin`: ping, status, functions, and running a function by hand. https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http */

import { functionKeys, hostKeys, type KeyPlace } from './admin-keys.ts';
import type { AdminAnswer, AdminRequest } from './admin-types.ts';
import type { FunctionApp, FunctionDefinition, Invocation, RpcTypedData } from './contract.ts';
import { type HostKeys, holderOf } from './keys.ts';
import { textOf } from './settings.ts';
import { manualPayload } from './timer-trigger.ts';

export interface AdminContext {
  readonly app: FunctionApp;
  /** As they are now. */
  readonly keys: HostKeys;
  readonly changeKeys: KeyPlace['change'];
  /** Names of functions that are registered but switched off. */
  readonly disabled: ReadonlySet<string>;
  /** Functions that were left out, each with its reason. */
  readonly errors: readonly string[];
  readonly origin: string;
  readonly routePrefix: string;
  /** Answered by `GET /admin/host/config`. */
  readonly configuration: { readonly extensions: unknown; readonly concurrency: unknown };
  readonly isReady: () => boolean;
  readonly startedAt: number;
  readonly extraInputs: (definition: FunctionDefinition) => Invocation['inputs'];
  readonly now: () => number;
}

export function admin(request: AdminRequest, context: AdminContext): AdminAnswer {
  const [area, ...rest] = request.path.split('/').filter(Boolean);
  if (area === 'host' && rest[0] === 'ping')
    return { status: 200, headers: { 'cache-control': 'no-store,no-cache', pragma: 'no-cache' } };
  if (area !== 'host' && area !== 'functions') return { status: 404 };
  const holder = holderOf(context.keys, request.key);
  if (holder === 'nobody' || holder === 'wrong')
    return { status: 401, headers: { 'www-authenticate': challenge(request.authorization) } };
  if (holder !== 'master') return { status: 403 };
  if (area === 'host' && rest[0] === 'status') return { status: 200, body: status(context) };
  if (area === 'host' && rest[0] === 'config') return { status: 200, body: context.configuration };
  const place: KeyPlace = { keys: () => context.keys, change: context.changeKeys };
  if (area === 'host') return hostKeys(rest[0] ?? '', rest[1], request, place) ?? { status: 404 };
  const [name, part, keyName] = rest;
  if (name === undefined)
    return { status: 200, body: [...context.app.functions.values()].map((each) => view(each, context)) };
  const definition = [...context.app.functions.values()].find(
    (each) => each.name.toLowerCase() === name.toLowerCase(),
  );
  if (!definition) return { status: 404 };
  if (part === 'keys') return functionKeys(definition.name, keyName, request, place);
  if (part === 'status') {
    const errors = errorsOf(definition, context);
    return { status: 200, body: errors.length > 0 ? { errors } : {} };
  }
  if (part !== undefined) return { status: 404 };
  return request.method === 'POST'
    ? runByHand(definition, request, context)
    : { status: 200, body: view(definition, context) };
}

/**
 * `WWW-Authenticate` of a 401. A host without an issuer of its own knows the issuer of no token.
 * https://github.com/dotnet/aspnetcore/blob/main/src/Security/Authentication/JwtBearer/src/JwtBearerHandler.cs
 */
export function challenge(authorization: string | undefined): string {
  const [, token] = /^bearer +(.+)$/i.exec(authorization ?? '') ?? [];
  if (token === undefined) return 'Bearer';
  const issuer = issuerOf(token);
  return issuer === undefined
    ? 'Bearer error="invalid_token"'
    : `Bearer error="invalid_token", error_description="The issuer '${issuer}' is invalid"`;
}

/** The issuer that a token names; undefined when it is not a token. */
function issuerOf(token: string): string | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const { iss } = Object(JSON.parse(Buffer.from(payload, 'base64url').toString())) as { iss?: unknown };
    return textOf(iss, '(null)').replaceAll(/[^\x20-\x7e]|["\\]/g, '');
  } catch {
    return undefined;
  }
}

function errorsOf({ name }: FunctionDefinition, { errors }: AdminContext): string[] {
  return errors.filter((error) => error.startsWith(`The '${name}' function `));
}

function status({ isReady, startedAt, now, errors }: AdminContext): unknown {
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
    ...(errors.length > 0 ? { errors } : {}),
  };
}

function view({ name, bindings, trigger }: FunctionDefinition, context: AdminContext): unknown {
  const route = [context.routePrefix, textOf(trigger['route']) || name].filter(Boolean).join('/');
  const isHttp = trigger.type.toLowerCase() === 'httptrigger';
  return {
    name,
    href: `${context.origin}/admin/functions/${name}`,
    invoke_url_template: isHttp ? `${context.origin}/${route}` : null,
    language: 'node',
    isDisabled: context.disabled.has(name),
    isDirect: false,
    isProxy: false,
    config: { name, language: 'node', bindings },
    files: null,
    test_data: '',
  };
}

/** Answers 202 at once, regardless of the function's result. */
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
  const { trigger, name } = definition;
  if (context.errors.some((error) => error.startsWith(`The '${name}' function is in error`)))
    return { status: 404 };
  const text = typeof input === 'string' ? input : JSON.stringify(input ?? '');
  const kind = trigger.type.toLowerCase();
  if (kind === 'httptrigger' || kind === 'orchestrationtrigger' || kind === 'entitytrigger')
    return { status: 202 };
  const isBatch = kind === 'eventhubtrigger' && trigger['cardinality'] !== 'one';
  const data: RpcTypedData =
    kind === 'timertrigger'
      ? { json: manualPayload(definition, context.now()) }
      : kind === 'cosmosdbtrigger'
        ? { json: text || '[]' }
        : isBatch
          ? { collectionString: { string: [text] } }
          : { string: text };
  void context.app.invoke(definition.name, {
    inputs: [{ name: trigger.name, data }, ...context.extraInputs(definition)],
  });
  return { status: 202 };
}
