/** Workflow documents, their inbox and the journal of their saga. */
import type { JSONObject, PatchOperation } from '@azure/cosmos';
import type { AcceptedRequest, Outcome } from '../../shared/contracts/requests.ts';
import type { Database } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/http/problem.ts';
import { domainEventItem } from '../../shared/outbox/outbox.ts';
import type { Signal, StepInput } from '../../shared/saga/saga.ts';
import type { Journal } from '../../shared/saga/step.ts';
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
  /** Sets fields; `removed` are taken away. */
  set(
    deliveryId: string,
    fields: Partial<WorkflowDocument>,
    removed?: readonly (keyof WorkflowDocument)[],
  ): Promise<void>;
  /** Once per event id. */
  putSignal(deliveryId: string, signal: Signal): Promise<void>;
  /** Everything that the workflow was ever told, for an orchestration that begins with an empty memory. */
  allSignals(deliveryId: string): Promise<readonly Signal[]>;
  /** The outcome and its event, in one batch; once. */
  finish(deliveryId: string, outcome: Outcome): Promise<void>;
  command(deliveryId: string, command: EngineCommand['command'], reason: string, id: string): Promise<void>;
  overdue(now: string, limit: number): Promise<readonly WorkflowDocument[]>;
}

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

  const readInbox = async (deliveryId: string, sql: string): Promise<readonly Signal[]> => {
    const { items } = await inbox.query(sql, {}, { partitionKey: deliveryId });
    return items
      .toSorted((a, b) => a.receivedAt - b.receivedAt)
      .map(({ eventId, kind, at, facts }) => ({ eventId, kind, at, facts }));
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
        effects: {},
        excluded: [],
        ...(traceparent ? { traceparent } : {}),
        createdAt: at,
        updatedAt: at,
      };
      try {
        return (await store.create(document)).item;
      } catch (error) {
        const known =
          error instanceof AppError && error.code === 'already_exists'
            ? await find(request.deliveryId)
            : undefined;
        if (known) return known;
        throw error;
      }
    },
    set: async (deliveryId, fields, removed = []) => {
      const current = removed.length > 0 ? await find(deliveryId) : undefined;
      await patch(deliveryId, [
        ...Object.entries(fields).map(([name, value]) => ({ op: 'set' as const, path: `/${name}`, value })),
        ...removed
          .filter((name) => current?.[name] !== undefined)
          .map((name) => ({ op: 'remove' as const, path: `/${name}` })),
      ]);
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
      const intent: PatchOperation[] =
        kind === 'run' ? [{ op: 'set', path: `/effects/${step}`, value: effect(input, 'intended') }] : [];
      const state = kind === 'run' ? 'Processing' : 'Compensating';
      try {
        return await patch(
          input.id,
          [
            ...intent,
            { op: 'set', path: '/state', value: state },
            { op: 'set', path: '/step', value: kind === 'run' ? step : `undo ${step}` },
            { op: 'set', path: '/attempts', value: input.attempt },
          ],
          `FROM c WHERE c.generation <= ${input.generation} AND NOT IS_DEFINED(c.outcome)`,
        );
      } catch (error) {
        if (error instanceof AppError && error.code === 'etag_mismatch') return undefined;
        throw error;
      }
    },
    done: async (input, step, kind, value) => {
      const status = kind === 'run' ? 'done' : 'undone';
      await patch(input.id, [{ op: 'set', path: `/effects/${step}`, value: effect(input, status, value) }]);
    },
    failed: async (input, step, kind, error) => {
      if (error.code === 'stale') return;
      const undo: PatchOperation[] =
        kind === 'undo' ? [{ op: 'set', path: `/effects/${step}`, value: effect(input, 'undoFailed') }] : [];
      await patch(input.id, [
        ...undo,
        { op: 'set', path: '/lastError', value: `${step}: ${error.code}: ${error.message}`.slice(0, 1000) },
        ...(error.retryable
          ? []
          : [{ op: 'set' as const, path: '/state', value: kind === 'run' ? 'Error' : 'CompensationFailed' }]),
      ]);
    },
    signals: async (id, handled) => {
      for (const eventId of handled) {
        const done: PatchOperation[] = [{ op: 'set', path: '/handled', value: true }];
        await inbox.patch(`inbox-${eventId}`, id, done);
      }
      return readInbox(id, "SELECT * FROM c WHERE c.type = 'inbox' AND c.handled = false");
    },
    allSignals: (id) => readInbox(id, "SELECT * FROM c WHERE c.type = 'inbox'"),
    finish: async (deliveryId, outcome) => {
      const document = await find(deliveryId);
      if (!document || document.outcome) return;
      const fields: PatchOperation[] = [
        { op: 'set', path: '/outcome', value: outcome },
        { op: 'set', path: '/state', value: 'Processed' },
        { op: 'set', path: '/step', value: outcome.kind },
        { op: 'set', path: '/updatedAt', value: now().toISOString() },
        ...(document.cancel === 'requested'
          ? [
              {
                op: 'set' as const,
                path: '/cancel',
                value: outcome.kind === 'cancelled' ? 'cancelled' : 'cancelRefused',
              },
            ]
          : []),
      ];
      await store.batch(deliveryId, [
        { operationType: 'Patch', id: 'workflow', resourceBody: { operations: fields } },
        ...(outcome.kind === 'rejected'
          ? [{ operationType: 'Create' as const, resourceBody: rejection(document, outcome) }]
          : []),
      ]);
    },
    traceparent: (state) => state.traceparent,
  };
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
  if (error instanceof AppError && error.code === 'already_exists') return undefined;
  throw error;
}
