/** Workflow documents, their inbox and the journal of their saga. */
import type { JSONObject, PatchOperation } from '@azure/cosmos';
import type { AcceptedRequest, Outcome } from '../../shared/contracts/requests.ts';
import type { Database } from '../../shared/cosmos/store.ts';
import { unlessConflict, WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import type { Signal, StepInput } from '../../shared/saga/saga.ts';
import type { Journal } from '../../shared/saga/step.ts';
import { alreadyDone, byArrival, mayBegin, settledWishes, stillCounts, toTellAgain } from './journal.ts';
import {
  COMMAND_TTL_SECONDS,
  type EngineCommand,
  INBOX_TTL_SECONDS,
  type InboxDocument,
  type WorkflowDocument,
} from './schemas.ts';

export interface WorkflowRepository extends Journal<WorkflowDocument> {
  find(deliveryId: string): Promise<WorkflowDocument | undefined>;
  /** The document of a new workflow; the one that is there when it began before. */
  open(request: AcceptedRequest, traceparent: string | undefined): Promise<WorkflowDocument>;
  set(deliveryId: string, fields: Partial<WorkflowDocument>): Promise<void>;
  /** Once per event id. */
  putSignal(deliveryId: string, signal: Signal): Promise<void>;
  /** From now on nothing begins that would have to be undone. The ending that was written first is the one that counts. */
  beginEnding(deliveryId: string, wished: Outcome): Promise<WorkflowDocument & { readonly ending: Outcome }>;
  /** A wish that came too late is refused in the status. */
  refuseLate(deliveryId: string, wish: 'cancel' | 'reschedule'): Promise<void>;
  /** The outcome and its event, in one batch; once. */
  finish(deliveryId: string, outcome: Outcome): Promise<void>;
  command(deliveryId: string, command: EngineCommand['command'], reason: string, id: string): Promise<void>;
  overdue(now: string, limit: number): Promise<readonly WorkflowDocument[]>;
}

/** A step that has not moved for so long after its timeout is looked into by the supervisor; retries pause for less. */
const STEP_SLACK_SECONDS = 120;

export function createWorkflowRepository(database: Database, now: () => Date): WorkflowRepository {
  const store = database.store<WorkflowDocument>('workflows');
  const inbox = database.store<InboxDocument>('workflows');
  const find: WorkflowRepository['find'] = async (deliveryId) =>
    (await store.read('workflow', deliveryId))?.item;

  const patch = async (deliveryId: string, operations: PatchOperation[], condition?: string) =>
    (
      await store.patch(
        'workflow',
        deliveryId,
        [...operations, { op: 'set', path: '/updatedAt', value: now().toISOString() }],
        condition ? { condition } : {},
      )
    )?.item;

  const readInbox = async (deliveryId: string, more = ''): Promise<readonly InboxDocument[]> => {
    const sql = `SELECT * FROM c WHERE c.type = 'inbox' ${more}`;
    return (await inbox.query(sql, {}, { partitionKey: deliveryId })).items.toSorted(byArrival);
  };

  /** False when the condition did not hold, or there was nothing to patch. */
  const patchIf = async (deliveryId: string, operations: PatchOperation[], condition: string) => {
    return unlessConflict(() => patch(deliveryId, operations, `FROM c WHERE ${condition}`), 'changed');
  };

  const refuseLate: WorkflowRepository['refuseLate'] = async (deliveryId, wish) => {
    const open = `(NOT IS_DEFINED(c.${wish}) OR c.${wish} = 'requested')`;
    const refused = [{ op: 'set' as const, path: `/${wish}`, value: `${wish}Refused` }];
    await patchIf(deliveryId, refused, `IS_DEFINED(c.outcome) AND ${open}`);
  };

  const effect = (input: StepInput, status: string, value?: unknown) => ({
    status,
    generation: input.generation,
    at: now().toISOString(),
    ...(value === undefined ? {} : { value }),
  });

  return {
    find,
    open: async (request, traceparent) => {
      const at = now().toISOString();
      const document: WorkflowDocument = {
        id: 'workflow',
        type: 'workflow',
        deliveryId: request.deliveryId,
        request,
        state: 'Pending',
        step: 'begin',
        attempts: 0,
        generation: 1,
        completeBy: new Date(now().getTime() + STEP_SLACK_SECONDS * 1000).toISOString(),
        effects: {},
        excluded: [],
        ...(traceparent ? { traceparent } : {}),
        createdAt: at,
        updatedAt: at,
      };
      try {
        return (await store.create(document)).item;
      } catch (error) {
        const known = error instanceof WriteConflict ? await find(request.deliveryId) : undefined;
        if (known) return known;
        throw error;
      }
    },
    set: async (deliveryId, fields) => {
      const operations = Object.entries(fields).map(([name, value]) => {
        return { op: 'set' as const, path: `/${name}`, value };
      });
      await patch(deliveryId, operations);
    },
    putSignal: async (deliveryId, signal) => {
      const document: InboxDocument = {
        ...signal,
        id: `inbox-${signal.eventId}`,
        type: 'inbox',
        deliveryId,
        receivedAt: now().getTime(),
        handled: false,
        ttl: INBOX_TTL_SECONDS,
      };
      await inbox.create(document).catch(ignoreExisting);
    },
    command: async (deliveryId, command, reason, id) => {
      const document: EngineCommand = {
        id: `engine-${id}`,
        type: 'engine',
        deliveryId,
        command,
        reason,
        at: now().toISOString(),
        ttl: COMMAND_TTL_SECONDS,
      };
      await database.store<EngineCommand>('workflows').create(document).catch(ignoreExisting);
    },
    overdue: async (at, limit) => {
      const sql = `SELECT * FROM c WHERE c.type = 'workflow' AND NOT IS_DEFINED(c.outcome)
        AND (c.completeBy < @at OR c.state = 'CompensationFailed')`;
      return (await store.query(sql, { at }, { limit })).items;
    },

    begin: async (input, step, kind) => {
      const { name } = step;
      const intent: PatchOperation[] =
        kind === 'run' ? [{ op: 'set', path: `/effects/${name}`, value: effect(input, 'intended') }] : [];
      const completeBy = new Date(now().getTime() + (step.timeoutSeconds + STEP_SLACK_SECONDS) * 1000);
      const operations: PatchOperation[] = [
        ...intent,
        { op: 'set', path: '/state', value: kind === 'run' ? 'Processing' : 'Compensating' },
        { op: 'set', path: '/step', value: kind === 'run' ? name : `undo ${name}` },
        { op: 'set', path: '/attempts', value: input.attempt },
        { op: 'set', path: '/completeBy', value: completeBy.toISOString() },
      ];
      const state = await patchIf(input.id, operations, mayBegin(input, step, kind));
      if (state) return { kind: 'begun', state };
      const current = await find(input.id);
      const done = current && alreadyDone(current, input, step, kind);
      return done ? { kind: 'done', value: done.value } : { kind: 'superseded' };
    },
    done: async (input, step, kind, value) => {
      const status = kind === 'run' ? 'done' : 'undone';
      const written = await patchIf(
        input.id,
        [{ op: 'set', path: `/effects/${step}`, value: effect(input, status, value) }],
        stillCounts(input),
      );
      if (!written) throw new AppError('superseded', `generation ${input.generation} is over`);
    },
    failed: async (input, step, kind, error) => {
      const undo: PatchOperation[] =
        kind === 'undo' ? [{ op: 'set', path: `/effects/${step}`, value: effect(input, 'undoFailed') }] : [];
      const state = kind === 'run' ? 'Error' : 'CompensationFailed';
      const operations: PatchOperation[] = [
        ...undo,
        { op: 'set', path: '/lastError', value: `${step}: ${error.code}: ${error.message}`.slice(0, 1000) },
        ...(error.retryable ? [] : [{ op: 'set' as const, path: '/state', value: state }]),
      ];
      await patchIf(input.id, operations, stillCounts(input));
    },
    signals: async ({ id, handled, signals }) => {
      for (const eventId of handled) {
        const done: PatchOperation[] = [{ op: 'set', path: '/handled', value: true }];
        await inbox.patch(`inbox-${eventId}`, id, done);
      }
      if (signals === 'new') return (await readInbox(id, 'AND c.handled = false')).map(signalOf);
      const all = await readInbox(id);
      const state = all.some((signal) => signal.handled) ? await find(id) : undefined;
      return toTellAgain(all, state).map(signalOf);
    },
    beginEnding: async (deliveryId, wished) => {
      const begun = await patchIf(
        deliveryId,
        [
          { op: 'set', path: '/ending', value: wished },
          { op: 'set', path: '/state', value: 'Compensating' },
        ],
        'NOT IS_DEFINED(c.ending) AND NOT IS_DEFINED(c.outcome)',
      );
      const document = begun ?? (await find(deliveryId));
      const { ending, outcome } = document ?? {};
      if (!document || !ending || outcome) throw new AppError('superseded', 'this workflow has ended');
      return { ...document, ending };
    },
    refuseLate,
    finish: async (deliveryId, outcome) => {
      const document = await find(deliveryId);
      if (document && !document.outcome) await end(document, outcome);
      const late = await readInbox(
        deliveryId,
        "AND c.handled = false AND c.kind IN ('cancel', 'reschedule')",
      );
      for (const { kind } of late) await refuseLate(deliveryId, kind === 'cancel' ? 'cancel' : 'reschedule');
    },
    traceparent: (state) => state.traceparent,
  };

  /** Of two at the same moment one writes it. */
  async function end(document: WorkflowDocument, outcome: Outcome): Promise<void> {
    const { deliveryId } = document;
    const answers = settledWishes(document, outcome);
    const operations: PatchOperation[] = [
      { op: 'set', path: '/outcome', value: outcome },
      { op: 'set', path: '/state', value: 'Processed' },
      { op: 'set', path: '/step', value: outcome.kind },
      { op: 'set', path: '/updatedAt', value: now().toISOString() },
      ...Object.entries(answers).map(([name, value]) => ({ op: 'set' as const, path: `/${name}`, value })),
    ];
    const condition = 'FROM c WHERE NOT IS_DEFINED(c.outcome)';
    const event: JSONObject[] = outcome.kind === 'rejected' ? [rejection(document, outcome)] : [];
    await unlessConflict(() =>
      store.batch(deliveryId, [
        { operationType: 'Patch', id: 'workflow', resourceBody: { operations, condition } },
        ...event.map((resourceBody) => ({ operationType: 'Create' as const, resourceBody })),
      ]),
    );
  }
}

function signalOf({ eventId, kind, at, facts }: InboxDocument): Signal {
  return { eventId, kind, at, facts };
}

function rejection(document: WorkflowDocument, outcome: Outcome): JSONObject {
  const { deliveryId, request } = document;
  const { owner } = request;
  const item = domainEventItem(
    { deliveryId },
    {
      service: 'scheduler',
      type: 'RequestRejected',
      id: `${deliveryId}-rejected`,
      subject: deliveryId,
      time: outcome.at,
      data: { deliveryId, owner, reasons: outcome.reasons, at: outcome.at },
    },
  );
  return item as unknown as JSONObject;
}

function ignoreExisting(error: unknown): undefined {
  if (error instanceof WriteConflict && error.conflict === 'exists') return undefined;
  throw error;
}
