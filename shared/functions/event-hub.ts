/**
 * Registers an Event Hubs function that treats each message by itself.
 *
 * C1 A message that cannot be parsed, or is refused for good, becomes a dead letter with its reason; the others are handled.
 * C2 A message that fails with a retryable error makes the batch fail, and the endless retry policy delivers the batch
 *    again. So the checkpoint passes no message that was neither handled nor dead-lettered.
 * C3 Messages of one key are handled in order, those of different keys at the same time.
 */
import { app, type InvocationContext } from '@azure/functions';
import type { z } from 'zod';
import { recordDeadLetter } from '../contracts/supervisor.ts';
import { toAppError } from '../errors.ts';
import { deadLetterOf } from '../messaging/dead-letter.ts';
import type { HubName } from '../messaging/hubs.ts';
import { describeErrors, parseJson, read } from '../read.ts';
import { withLogSink } from '../telemetry/log.ts';
import { inSpan } from '../telemetry/trace.ts';
import { type TraceContext, traceContext, traceContextOf } from '../telemetry/trace-context.ts';
import { ENDLESS_RETRY } from './change-feed.ts';
import { parentOf } from './parent-trace.ts';
import { type RawMessage, rawMessages } from './raw-messages.ts';
import type { Service, ServiceDeps } from './service.ts';

export interface Received<T> {
  readonly message: T;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly context: InvocationContext;
}

export interface ConsumerSpec<S extends z.ZodType> {
  readonly service: Service['name'];
  readonly hub: HubName;
  readonly schema: S;
  /** Messages with equal keys are handled one after the other. */
  readonly keyOf: (message: z.output<S>) => string;
  readonly handle: (received: Received<z.output<S>>) => Promise<void>;
  readonly extraInputs?: Parameters<typeof app.eventHub>[1]['extraInputs'];
}

export function registerConsumer<S extends z.ZodType>(spec: ConsumerSpec<S>, deps: ServiceDeps): void {
  app.eventHub(`${spec.service}_${spec.hub}`, {
    connection: 'EVENTHUBS',
    eventHubName: spec.hub,
    consumerGroup: spec.service,
    cardinality: 'many',
    dataType: 'binary',
    retry: ENDLESS_RETRY,
    ...(spec.extraInputs ? { extraInputs: spec.extraInputs } : {}),
    handler: (messages, context) =>
      withLogSink(context, () =>
        consumeBatch(rawMessages(messages as unknown[], context), context, spec, deps),
      ),
  } as Parameters<typeof app.eventHub>[1]);
}

/** Rejects only as C2 says. The batch is a span with a link to each message's trace; the message's own span is in that trace. */
export function consumeBatch<S extends z.ZodType>(
  messages: readonly RawMessage[],
  context: InvocationContext,
  spec: ConsumerSpec<S>,
  deps: ServiceDeps,
): Promise<void> {
  const span = {
    attributes: {
      service: spec.service,
      'messaging.destination.name': spec.hub,
      'messaging.destination.partition.id': messages[0]?.partition ?? '',
      'messaging.batch.message_count': messages.length,
    },
    parent: parentOf(context),
    links: messages.map(traceOf),
  };
  return inSpan(`receive ${spec.hub}`, span, () => handleAll(messages, context, spec, deps));
}

async function handleAll<S extends z.ZodType>(
  messages: readonly RawMessage[],
  context: InvocationContext,
  spec: ConsumerSpec<S>,
  deps: ServiceDeps,
): Promise<void> {
  const queues = new Map<string, Promise<void>>();
  const work = messages.map((raw) => {
    const parsed = parse(raw, spec.schema);
    if ('reason' in parsed) return deadLetter(raw, parsed.reason, 'parse', spec, deps);
    const key = spec.keyOf(parsed.message);
    const mine = (queues.get(key) ?? Promise.resolve()).then(() =>
      handleOne(raw, parsed.message, context, spec, deps),
    );
    queues.set(key, mine);
    return mine;
  });
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function handleOne<S extends z.ZodType>(
  raw: RawMessage,
  message: z.output<S>,
  context: InvocationContext,
  spec: ConsumerSpec<S>,
  deps: ServiceDeps,
): Promise<void> {
  const span = {
    attributes: { service: spec.service, 'messaging.destination.name': spec.hub },
    parent: traceOf(raw),
    links: [traceContext()],
  };
  await inSpan(`process ${spec.hub}`, span, async () => {
    try {
      await spec.handle({ message, properties: raw.properties, context });
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.retryable) throw error;
      await deadLetter(raw, `${error.code}: ${error.message}`, 'handle', spec, deps);
    }
  });
}

function traceOf({ properties }: RawMessage): TraceContext {
  return traceContextOf((name) => properties[name]);
}

function parse<S extends z.ZodType>(
  raw: RawMessage,
  schema: S,
): { message: z.output<S> } | { reason: string } {
  const parsed = parseJson(raw.bytes, 'message');
  if (!parsed.ok) return { reason: `not JSON: ${describeErrors(parsed.errors)}` };
  const result = read(schema, parsed.value, 'message');
  if (result.ok) return { message: result.value };
  return { reason: `not a message of this hub: ${describeErrors(result.errors)}` };
}

async function deadLetter<S extends z.ZodType>(
  raw: RawMessage,
  reason: string,
  step: string,
  spec: ConsumerSpec<S>,
  deps: ServiceDeps,
): Promise<void> {
  deps.log.warn(
    { hub: spec.hub, partition: raw.partition, sequenceNumber: raw.sequenceNumber, reason },
    'dead letter',
  );
  await deps.call(recordDeadLetter, {
    body: deadLetterOf(spec.hub, raw, reason, `${spec.service}.${step}`),
  });
}
