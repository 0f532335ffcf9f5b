/** Serves the management HTTP API (extension: HttpApiHandler.cs; the statuses are those of a real host). */
import { randomUUID } from 'node:crypto';
import { unescape as percentDecoded } from 'node:querystring';
import type { EngineRequest, EngineResponse } from '../functions-host/contract.ts';
import { insertInstance } from './effects.ts';
import { type EngineContext, find, RESERVED_ID, unknownFunction } from './engine-context.ts';
import { entityIdOf, idOf } from './entities.ts';
import { EventType, inbound } from './history.ts';
import { getStatus, listInstances, purgeMany, purgeOne, statusOf } from './instance-queries.ts';
import { CONNECTION_NAME, problem, reply } from './replies.ts';
import { rewind } from './rewind.ts';
import type { InstanceRow } from './rows.ts';
import { isFinal } from './tables.ts';
import { managementUrls } from './urls.ts';

type Via = 'public' | 'rpc';

const WENT_WRONG = 'Something went wrong while processing your request';
const WRONG_ARGUMENT = 'One or more of the arguments submitted is incorrect';
const INVALID_JSON = 'Invalid JSON content';
const START_RETRY_S = '10';
const POLL_DEFAULT_S = 1;

/** Answers every request below the API's root; an unknown path is 404. */
export async function handle(core: EngineContext, request: EngineRequest, via: Via): Promise<EngineResponse> {
  const connection = request.query.get('connection');
  if (connection && connection.toLowerCase() !== CONNECTION_NAME.toLowerCase())
    return problem(500, WENT_WRONG, `no connection ${connection}`);
  const hub = request.query.get('taskHub');
  const [root, ...rest] = segmentsOf(request.path);
  if (rest.includes('')) return reply(404);
  if (hub && hub.toLowerCase() !== core.options.taskHub.toLowerCase()) return reply(404);
  switch ((root ?? '').toLowerCase()) {
    case 'orchestrators':
      return orchestrators(core, request, via, rest);
    case 'instances':
      return instances(core, request, via, rest);
    case 'entities':
      return entities(core, request, rest);
    default:
      return reply(404);
  }
}

/** Decodes before it splits, as the extension does: `%2F` splits, too, and a plus is a space. */
function segmentsOf(path: string): readonly string[] {
  return percentDecoded(path.replaceAll('+', ' '))
    .replaceAll(/^\/+|\/+$/g, '')
    .split('/');
}

async function orchestrators(
  core: EngineContext,
  request: EngineRequest,
  via: Via,
  [name, id, ...rest]: readonly string[],
): Promise<EngineResponse> {
  if (request.method !== 'POST' || !name || rest.length > 0) return reply(404);
  const input = jsonBody(request);
  if (input instanceof Error) return problem(400, INVALID_JSON, input.message);
  const instance = id ?? randomUUID().replaceAll('-', '');
  if (instance.startsWith('@')) return problem(400, WRONG_ARGUMENT, RESERVED_ID);
  const refused = await start(core, instance, name, input);
  if (refused) return refused;
  if (request.query.get('timeout') === null) return accepted(core, instance, via);
  return waitFor(core, instance, request, via);
}

/**
 * Ids that are active when the request arrives are refused; starts that race with each other are all accepted, and one of them happens.
 */
async function start(
  core: EngineContext,
  id: string,
  name: string,
  input: string | null,
): Promise<EngineResponse | undefined> {
  const existing = core.store.instance(id);
  if (existing && !isFinal(existing.status)) {
    return reply(409, {
      Message: `An Orchestration instance with the status ${existing.status} already exists.`,
    });
  }
  await core.store.write(() => {
    const now = core.store.instance(id);
    if (now && now.execution !== existing?.execution) return;
    insertInstance(core, { id, name, input, parent: null }, core.now());
  });
  core.wake(id);
  return undefined;
}

function accepted(core: EngineContext, id: string, via: Via): EngineResponse {
  const urls = managementUrls(core.options, id, via === 'rpc');
  return reply(202, urls, { location: String(urls['statusQueryGetUri']), 'retry-after': START_RETRY_S });
}

/** `?timeout=&pollingInterval=` in seconds: the output when it ends in time. */
async function waitFor(
  core: EngineContext,
  id: string,
  request: EngineRequest,
  via: Via,
): Promise<EngineResponse> {
  const timeout = Number(request.query.get('timeout')) || 0;
  const interval = Number(request.query.get('pollingInterval')) || POLL_DEFAULT_S;
  const until = Date.now() + timeout * 1000;
  for (;;) {
    core.store.check();
    const row = core.store.instance(id);
    if (row && isFinal(row.status)) {
      const isOutput = row.status === 'Completed';
      return reply(
        200,
        isOutput ? JSON.parse(row.output ?? 'null') : statusOf(core, row, new URLSearchParams()),
      );
    }
    const left = until - Date.now();
    if (left <= 0) return accepted(core, id, via);
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, interval * 1000)));
  }
}

async function instances(
  core: EngineContext,
  request: EngineRequest,
  via: Via,
  [id, operation, event, ...rest]: readonly string[],
): Promise<EngineResponse> {
  const { method } = request;
  if (rest.length > 0) return reply(404);
  if (!id) {
    if (method === 'GET') return listInstances(core, request);
    return method === 'DELETE' ? purgeMany(core, request) : reply(404);
  }
  if (!operation) {
    if (method === 'GET') return getStatus(core, id, request);
    return method === 'DELETE' ? purgeOne(core, id) : reply(404);
  }
  if (method !== 'POST') return reply(404);
  switch (operation.toLowerCase()) {
    case 'raiseevent':
      return event ? raise(core, id, event, request) : reply(404);
    case 'terminate':
      return order(core, id, (reason) =>
        inbound(EventType.ExecutionTerminated, core.now(), { Input: reason }),
      )(request);
    case 'suspend':
      return order(
        core,
        id,
        (reason) => inbound(EventType.ExecutionSuspended, core.now(), { Reason: reason }),
        ({ status }) => status !== 'Suspended',
      )(request);
    case 'resume':
      return order(
        core,
        id,
        (reason) => inbound(EventType.ExecutionResumed, core.now(), { Reason: reason }),
        ({ status }) => status === 'Suspended',
      )(request);
    case 'rewind':
      return rewind(core, id, request.query.get('reason'));
    case 'restart':
      return restart(core, id, request, via);
    default:
      return reply(404);
  }
}

async function raise(
  core: EngineContext,
  id: string,
  name: string,
  request: EngineRequest,
): Promise<EngineResponse> {
  const row = core.store.instance(id);
  const isJson = /^application\/json\b/i.test(request.headers['content-type'] ?? '');
  if (!isJson) return reply(400, { Message: 'Only application/json request content is supported' });
  const input = request.body.length === 0 ? new Error('there is no content') : jsonBody(request);
  if (input instanceof Error) return problem(400, INVALID_JSON, input.message);
  if (!row) return reply(404);
  if (isFinal(row.status)) return reply(410);
  await core.store.write(() =>
    core.store.send(
      id,
      null,
      inbound(EventType.EventRaised, core.now(), {
        Name: name,
        Input: input ?? 'null',
        ParentTraceContext: null,
      }),
    ),
  );
  core.wake(id);
  return reply(202);
}

/** Terminates, suspends, resumes. Without `mayNow`, the answer is the real host's 500. */
function order(
  core: EngineContext,
  id: string,
  event: (reason: string | null) => object,
  mayNow: (row: InstanceRow) => boolean = () => true,
): (request: EngineRequest) => Promise<EngineResponse> {
  return async (request) => {
    const row = core.store.instance(id);
    if (!row) return reply(404);
    if (isFinal(row.status)) return reply(410);
    if (!mayNow(row)) return problem(500, WENT_WRONG, `the instance is ${row.status}`);
    await core.store.write(() => core.store.send(id, null, event(request.query.get('reason'))));
    core.wake(id);
    return reply(202);
  };
}

async function restart(
  core: EngineContext,
  id: string,
  request: EngineRequest,
  via: Via,
): Promise<EngineResponse> {
  const row = core.store.instance(id);
  if (!row) return problem(400, 'InstanceId does not match a valid orchestration instance.');
  const isNew = (request.query.get('restartWithNewInstanceId') ?? 'true').toLowerCase() !== 'false';
  const target = isNew ? randomUUID().replaceAll('-', '') : id;
  const refused = await start(core, target, row.name, row.input);
  return refused ?? accepted(core, target, via);
}

async function entities(
  core: EngineContext,
  request: EngineRequest,
  [name, key, ...rest]: readonly string[],
): Promise<EngineResponse> {
  if (rest.length > 0) return reply(404);
  if (!name || key === undefined)
    return request.method === 'GET' ? listEntities(core, name, request) : reply(404);
  const id = idOf({ name, key: key === '$' ? '' : key });
  if (request.method === 'GET') {
    const state = core.store.entity(id)?.state ?? null;
    return state === null ? reply(404) : reply(200, JSON.parse(state));
  }
  if (request.method !== 'POST' && request.method !== 'DELETE') return reply(404);
  if (!find(core, 'entity', name)) return reply(400, { Message: unknownFunction(core, 'entity', name) });
  const op = request.query.get('op') ?? (request.method === 'DELETE' ? 'delete' : '');
  const due = Date.parse(request.query.get('signalTime') ?? '') || 0;
  const input = entityInput(request);
  if (input instanceof Error) return problem(400, INVALID_JSON, input.message);
  await core.store.write(() =>
    core.store.send(id, null, { kind: 'op', op, signal: true, ...(input === null ? {} : { input }) }, due),
  );
  if (due > 0) core.wakeAt(due);
  else core.wake(id);
  return reply(202);
}

function listEntities(core: EngineContext, name: string | undefined, request: EngineRequest): EngineResponse {
  const withState = request.query.get('fetchState')?.toLowerCase() === 'true';
  const rows = core.store
    .entities()
    .filter(({ id, state }) => state !== null && (!name || id.startsWith(idOf({ name, key: '' }))));
  return reply(
    200,
    rows.map(({ id, state, updated }) => ({
      entityId: entityIdOf(id),
      lastOperationTime: new Date(updated).toISOString(),
      state: withState ? JSON.parse(state ?? 'null') : null,
    })),
  );
}

/** JSON text; null when there is no body. A body of another type is text. */
function entityInput(request: EngineRequest): string | null | Error {
  const isJson = /^application\/json\b/i.test(request.headers['content-type'] ?? '');
  if (request.body.length === 0) return null;
  return isJson ? jsonBody(request) : JSON.stringify(Buffer.from(request.body).toString());
}

/** The body as JSON text, null when it is empty or null. */
function jsonBody({ body }: EngineRequest): string | null | Error {
  const text = Buffer.from(body).toString();
  if (text.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    return value === null ? null : JSON.stringify(value);
  } catch (error) {
    return error as Error;
  }
}
