/** `$cbs` (tokens) and `$management` (properties of hubs and partitions): request in, reply out, in the same session. */

import { type AmqpMessage, rhea, type Sender, type Session } from './amqp.ts';
import { type AccessKey, type Claim, checkSas, checkToken, type VerifyToken } from './auth.ts';
import { type Broker, type Hub, partitionIn } from './broker.ts';
import type { Faults } from './faults.ts';

export interface RequestContext {
  readonly broker: Broker;
  readonly keys: readonly AccessKey[];
  readonly verifyToken: VerifyToken | undefined;
  readonly faults: Faults;
  readonly now: () => number;
}

interface Reply {
  readonly status: number;
  readonly description: string;
  readonly condition?: string;
  readonly body?: unknown;
}

const NOT_FOUND = (name: string): Reply => ({
  status: 404,
  condition: 'amqp:not-found',
  description: `The messaging entity '${name}' could not be found.`,
});

type Texts = Readonly<Record<'name' | 'type' | 'operation' | 'partition', string>>;

/** The properties of a request; what is missing or no text is ''. */
function textsOf(properties: Readonly<Record<string, unknown>> = {}): Texts {
  const text = (name: keyof Texts) => {
    const value = properties[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    name: text('name'),
    type: text('type'),
    operation: text('operation'),
    partition: text('partition'),
  };
}

/** The claim is the connection's from now on. */
export async function putToken(
  message: AmqpMessage,
  context: RequestContext,
): Promise<{ reply: Reply; claim?: Claim }> {
  const { name: audience, type } = textsOf(message.application_properties);
  const token = typeof message.body === 'string' ? message.body : '';
  const path = audience.replace(/^\w+:\/\/[^/]*/, '').replace(/^\/+/, '');
  const [hubName = '', section, partition] = path.split('/');
  const hub = context.broker.hub(hubName);
  if (hubName !== '' && !hub) return { reply: NOT_FOUND(hubName) };
  if (hub && section === 'Partitions' && partitionIn(hub, partition) === undefined)
    return { reply: outOfRange(partition ?? '') };
  if (context.faults.take('refuseCbs', hub?.name ?? '')) return { reply: unauthorized() };
  const isJwt = type === 'jwt';
  const claim = isJwt
    ? context.verifyToken && (await checkToken(token, audience, context.verifyToken, context.now()))
    : checkSas(token, audience, context.keys, context.now());
  return claim ? { reply: { status: 202, description: 'Accepted' }, claim } : { reply: unauthorized() };
}

function unauthorized(): Reply {
  return {
    status: 401,
    condition: 'amqp:unauthorized-access',
    description: 'Unauthorized access. The token is not valid for this entity.',
  };
}

function outOfRange(partition: string): Reply {
  return {
    status: 400,
    condition: 'com.microsoft:argument-out-of-range',
    description: `The specified partition is invalid for an EventHub partition sender or receiver: ${partition}`,
  };
}

/** `allowed` says whether the requester has shown a token for an entity. */
export function manage(
  message: AmqpMessage,
  context: RequestContext,
  allowed: (entity: string) => boolean,
): Reply {
  const { operation, name, type, partition } = textsOf(message.application_properties);
  if (!allowed(`${name}/$management`)) return unauthorized();
  if (operation !== 'READ')
    return {
      status: 501,
      condition: 'amqp:not-implemented',
      description: `the operation ${operation} is not known`,
    };
  const hub = context.broker.hub(name);
  if (!hub) return NOT_FOUND(name);
  if (type === 'com.microsoft:eventhub') return { status: 200, description: 'OK', body: hubBody(hub) };
  if (type === 'com.microsoft:partition') return partitionBody(hub, partition);
  return {
    status: 400,
    condition: 'com.microsoft:argument-error',
    description: `the type ${type} is not known`,
  };
}

function hubBody(hub: Hub): unknown {
  return {
    name: hub.name,
    type: 'com.microsoft:eventhub',
    created_at: rhea.types.wrap_timestamp(hub.createdAt),
    partition_count: rhea.types.wrap_int(hub.partitions.length),
    partition_ids: hub.partitions.map((_, index) => String(index)),
    georeplication_factor: rhea.types.wrap_int(1),
  };
}

function partitionBody(hub: Hub, partition: string): Reply {
  const log = hub.partitions[partitionIn(hub, partition) ?? -1];
  if (!log) return outOfRange(partition);
  const { isEmpty } = log;
  return {
    status: 200,
    description: 'OK',
    body: {
      name: hub.name,
      type: 'com.microsoft:partition',
      partition,
      begin_sequence_number: rhea.types.wrap_long(isEmpty ? -1 : log.first),
      last_enqueued_sequence_number: rhea.types.wrap_long(isEmpty ? -1 : log.last),
      last_enqueued_offset: isEmpty ? '-1' : String(log.last),
      last_enqueued_time_utc: rhea.types.wrap_timestamp(log.lastTime),
      is_partition_empty: isEmpty,
    },
  };
}

/** Sent on the link of the same session that the requester listens on. */
export function sendReply(
  session: Session,
  request: AmqpMessage,
  { status, description, condition, body }: Reply,
): void {
  const link = Object.values(session.links).find((each): each is Sender => {
    const answers = each.name === request.reply_to || each.target?.address === request.reply_to;
    return answers && each.local.attach['role'] === false;
  });
  link?.send({
    correlation_id: request.message_id,
    application_properties: {
      'status-code': rhea.types.wrap_int(status),
      'status-description': description,
      ...(condition ? { 'error-condition': condition } : {}),
    },
    body: body ?? null,
  });
}
