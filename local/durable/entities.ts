/**
 * Runs entities: one message after another, with a state and a lock that one orchestration at a time may hold.
 *
 * N1 Each operation is a separate call; one that fails changes nothing.
 * N2 State, answer, signals and the end of the message are one write.
 * N3 While an entity is locked, only the owner's messages are processed; the others keep their order.
 */
import { type EngineContext, find, LeftToAnother, LOG_CATEGORY, unknownFunction } from './engine-context.ts';
import { EventType, inbound } from './history.ts';
import type { EntityRow, MessageRow } from './rows.ts';
import { jsonOf, messageOf } from './values.ts';

/** The answer of an entity that granted the last lock of a set. */
const LOCK_ANSWER = JSON.stringify({ result: 'Lock Acquisition Completed' });

interface EntityId {
  readonly name: string;
  readonly key: string;
}

interface Request {
  readonly kind: string;
  readonly op?: string | null;
  readonly signal?: boolean;
  /** JSON text. */
  readonly input?: string;
  readonly id?: string;
  readonly parent?: string;
  readonly parentExecution?: string;
  readonly lockset?: readonly EntityId[];
  readonly pos?: number;
}

interface BatchResult {
  readonly entityExists: boolean;
  readonly entityState?: string;
  readonly results: readonly { readonly isError: boolean; readonly result?: string }[];
  readonly signals: readonly { readonly target: EntityId; readonly name: string; readonly input: string }[];
}

/** Processes one message of the entity `@name@key`. False when none may be processed now. */
export async function runEntity(core: EngineContext, id: string): Promise<boolean> {
  const { store } = core;
  const entity = store.entity(id);
  if (entity?.worker !== core.workers.me) return false;
  const waiting = store.messages(id, core.now()).map((row) => ({ row, request: requestOf(row) }));
  const next =
    entity.owner === null ? waiting[0] : waiting.find(({ request }) => request.parent === entity.owner);
  if (!next) return false;
  const { row, request } = next;
  if (request.kind === 'release') {
    await store.write(() => {
      const now = takeFrom(core, entity, row);
      store.putEntity({ ...now, owner: null });
    });
  } else if (request.lockset) await lock(core, entity, row, request);
  else await operate(core, entity, row, request);
  return true;
}

function requestOf(row: MessageRow): Request {
  return JSON.parse(row.event) as Request;
}

/** A lock request goes from entity to entity in the order of the set; the last one answers. */
async function lock(
  core: EngineContext,
  entity: EntityRow,
  row: MessageRow,
  request: Request,
): Promise<void> {
  const owner = request.parent ?? '';
  const isAlive = core.store.instance(owner)?.execution === request.parentExecution;
  const next = request.lockset?.[(request.pos ?? 0) + 1];
  const target = next ? idOf(next) : owner;
  await core.store.write(() => {
    const now = takeFrom(core, entity, row);
    if (!isAlive) return;
    core.store.putEntity({ ...now, owner });
    if (next) core.store.send(target, null, { ...request, pos: (request.pos ?? 0) + 1 });
    else answer(core, request, LOCK_ANSWER);
  });
  core.wake(target);
}

/** Within a write: removes the message and writes the entity. @throws Error when another process has taken it over */
function takeFrom(core: EngineContext, entity: EntityRow, row: MessageRow): EntityRow {
  const now = core.store.entity(entity.id);
  if (now?.worker !== core.workers.me) throw new LeftToAnother(entity.id);
  core.store.removeMessages([row]);
  return now;
}

async function operate(
  core: EngineContext,
  entity: EntityRow,
  row: MessageRow,
  request: Request,
): Promise<void> {
  const outcome = await call(core, entity, request);
  const { result } = outcome;
  await core.store.write(() => {
    const now = takeFrom(core, entity, row);
    core.store.putEntity({
      ...now,
      state: outcome.isError ? now.state : outcome.state,
      updated: core.now(),
    });
    for (const { target, name, input } of outcome.isError ? [] : outcome.signals) {
      core.store.send(idOf(target), null, {
        kind: 'op',
        op: name,
        signal: true,
        ...(input ? { input } : {}),
      });
    }
    if (!request.signal) {
      answer(
        core,
        request,
        JSON.stringify({ result, ...(outcome.isError ? { exceptionType: 'Error' } : {}) }),
      );
    }
  });
  if (request.parent && !request.signal) core.wake(request.parent);
  for (const { target } of outcome.signals) core.wake(idOf(target));
}

function answer(core: EngineContext, request: Request, input: string): void {
  core.store.send(
    request.parent ?? '',
    request.parentExecution ?? null,
    inbound(EventType.EventRaised, core.now(), { Name: request.id, Input: input, ParentTraceContext: null }),
  );
}

interface Outcome {
  readonly isError: boolean;
  readonly result: string | undefined;
  readonly state: string | null;
  readonly signals: BatchResult['signals'];
}

async function call(core: EngineContext, entity: EntityRow, request: Request): Promise<Outcome> {
  const self = entityIdOf(entity.id);
  const definition = find(core, 'entity', self.name);
  const failed = (message: string): Outcome => {
    core.options.log('error', LOG_CATEGORY, `${entity.id}: ${request.op} failed: ${message}`);
    return { isError: true, result: JSON.stringify(message), state: entity.state, signals: [] };
  };
  if (!definition) return failed(unknownFunction(core, 'entity', self.name));
  const input = {
    self,
    exists: entity.state !== null,
    state: entity.state,
    batch: [{ name: request.op, input: request.input ?? null, isSignal: request.signal === true }],
  };
  const called = await core.options.app.invoke(definition.name, {
    inputs: [{ name: definition.trigger.name, data: { string: JSON.stringify(input) } }],
  });
  if (!called.ok) return failed(messageOf(called.error));
  const batch = JSON.parse(jsonOf(called.returnValue) ?? '{}') as BatchResult;
  const [first] = batch.results;
  if (first?.isError) return { ...failed('it threw'), result: first.result };
  return {
    isError: false,
    result: first?.result,
    state: batch.entityExists ? (batch.entityState ?? entity.state) : null,
    signals: batch.signals,
  };
}

/** `@name@key`, the name in lower case. */
export function idOf({ name, key }: EntityId): string {
  return `@${name.toLowerCase()}@${key}`;
}

export function entityIdOf(id: string): EntityId {
  const end = id.indexOf('@', 1);
  return { name: id.slice(1, end), key: id.slice(end + 1) };
}
