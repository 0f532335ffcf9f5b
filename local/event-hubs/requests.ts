/** Serves `$cbs` (tokens) and `$management` (properties of hubs and partitions): a reply for each request, in the same session. */
import type { Connection } from './amqp/layers.ts';
import type { Delivery, Link } from './amqp/link.ts';
import { boolean, int, long, map, string, timestamp } from './amqp/values.ts';
import { type AccessKey, type Claim, checkSas, checkToken, type VerifyToken } from './auth.ts';
import { type Hub, partitionIn } from './broker.ts';
import type { BrokerContext } from './broker-context.ts';
import { type Reply, type Request, readRequest, writeReply } from './encoding.ts';
import { badPartition, notFound } from './refusals.ts';

export interface NodeContext {
  readonly core: BrokerContext;
  readonly keys: readonly AccessKey[];
  readonly verify: VerifyToken | undefined;
  /** Adds the claim to the connection. */
  claimed(connection: Connection, claim: Claim): void;
}

/** The service's own limit of a token is lower. */
const MAX_REQUEST_BYTES = 64 * 1024;

const SIGNATURE = 'SharedAccessSignature ';

/** @param address `$cbs` or `$management` */
export function openNode(link: Link, address: string, context: NodeContext): void {
  if (!link.sends)
    link.onMessage = (delivery) =>
      context.core.track(
        address === '$cbs' ? onToken(link, delivery, context) : onRead(link, delivery, context),
      );
  link.accept({ maxMessageSize: MAX_REQUEST_BYTES });
}

/** Undefined, after rejecting the delivery, if it is not a request. */
function requestOf(delivery: Delivery): Request | undefined {
  try {
    const request = delivery.message && readRequest(delivery.message);
    if (request) delivery.accept();
    else delivery.reject({ condition: 'amqp:link:message-size-exceeded', description: 'too long' });
    return request;
  } catch (error) {
    delivery.reject({ condition: 'amqp:decode-error', description: (error as Error).message });
    return undefined;
  }
}

async function onToken(link: Link, delivery: Delivery, context: NodeContext): Promise<void> {
  const request = requestOf(delivery);
  if (!request) return;
  const { reply, claim } = await putToken(request, link.connection.isEncrypted, context);
  if (claim && link.connection.isAlive) context.claimed(link.connection, claim);
  answer(link, request, reply);
}

async function onRead(link: Link, delivery: Delivery, context: NodeContext): Promise<void> {
  const request = requestOf(delivery);
  if (!request) return;
  const { core } = context;
  const { name } = textsOf(request);
  const fault = core.faults.take('delay', name, undefined);
  if (fault) await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 100));
  const isAllowed =
    core.allowed(link.connection, `${name}/$management`, undefined) ||
    (await showsToken(request, link.connection.isEncrypted, context));
  answer(link, request, isAllowed ? manage(request, core) : unauthorized());
}

function answer(link: Link, request: Request, reply: Reply): void {
  const node = link.attach.target.address ?? '';
  link.session.replyLink(node, request.replyTo)?.send(writeReply(request, reply));
}

type Texts = Readonly<Record<'name' | 'type' | 'operation' | 'partition', string>>;

/** The properties of a request; a missing one, or one that is not a text, is ''. */
function textsOf({ properties }: Request): Texts {
  const text = (name: keyof Texts) => {
    const value = properties.get(name);
    return typeof value === 'string' ? value : '';
  };
  return {
    name: text('name'),
    type: text('type'),
    operation: text('operation'),
    partition: text('partition'),
  };
}

async function putToken(
  request: Request,
  isEncrypted: boolean,
  { core, keys, verify }: NodeContext,
): Promise<{ reply: Reply; claim?: Claim }> {
  const { name: audience, type } = textsOf(request);
  const token = typeof request.body === 'string' ? request.body : '';
  const path = audience.replace(/^\w+:\/\/[^/]*/, '').replace(/^\/+/, '');
  const [hubName = '', section, partition] = path.split('/');
  const hub = core.broker.hub(hubName);
  if (hubName !== '' && !hub) return { reply: { status: 404, ...notFound(hubName) } };
  if (hub && section === 'Partitions' && partitionIn(hub, partition) === undefined)
    return { reply: { status: 400, ...badPartition(partition ?? '') } };
  if (core.faults.take('refuseCbs', hub?.name ?? '', undefined)) return { reply: unauthorized() };
  // Some clients call a signature a token.
  const isSignature = token.startsWith(SIGNATURE);
  if (!isSignature && type === 'jwt' && !isEncrypted)
    return { reply: unauthorized('Tokens are taken over TLS only.') };
  const claim =
    type === 'jwt' && !isSignature
      ? verify && (await checkToken(token, audience, verify))
      : checkSas(token, audience, keys, core.now());
  return claim ? { reply: { status: 202, description: 'Accepted' }, claim } : { reply: unauthorized() };
}

function unauthorized(why = 'The token is not valid for this entity.'): Reply {
  return { status: 401, condition: 'amqp:unauthorized-access', description: `Unauthorized access. ${why}` };
}

/** Some clients do not put a token for `$management`, but send one with each request. */
async function showsToken(
  request: Request,
  isEncrypted: boolean,
  { core, keys, verify }: NodeContext,
): Promise<boolean> {
  const token = request.properties.get('security_token');
  if (typeof token !== 'string') return false;
  const { name } = textsOf(request);
  const claim = token.startsWith(SIGNATURE)
    ? checkSas(token, name, keys, core.now())
    : isEncrypted && verify && (await checkToken(token, name, verify));
  return claim !== undefined && claim !== false;
}

function manage(request: Request, core: BrokerContext): Reply {
  const { operation, name, type, partition } = textsOf(request);
  if (operation !== 'READ')
    return {
      status: 501,
      condition: 'amqp:not-implemented',
      description: `the operation ${operation} is not known`,
    };
  const hub = core.broker.hub(name);
  if (!hub) return { status: 404, ...notFound(name) };
  if (type === 'com.microsoft:eventhub') return { status: 200, description: 'OK', body: hubBody(hub) };
  if (type === 'com.microsoft:partition') return partitionReply(hub, partition);
  return {
    status: 400,
    condition: 'com.microsoft:argument-error',
    description: `the type ${type} is not known`,
  };
}

function hubBody(hub: Hub): Buffer {
  const ids = hub.partitions.map((_, index) => string(String(index)));
  return map(
    string('name'),
    string(hub.name),
    string('type'),
    string('com.microsoft:eventhub'),
    string('created_at'),
    timestamp(hub.createdAt),
    string('partition_count'),
    int(ids.length),
    string('partition_ids'),
    strings(ids),
    string('georeplication_factor'),
    int(1),
  );
}

/** An array of texts, as from the service: some clients read nothing else. */
function strings(texts: readonly Buffer[]): Buffer {
  const content = Buffer.concat([Buffer.of(0xa1), ...texts.map((text) => text.subarray(1))]);
  const head = Buffer.allocUnsafe(9);
  head[0] = 0xf0;
  head.writeUInt32BE(content.length + 4, 1);
  head.writeUInt32BE(texts.length, 5);
  return Buffer.concat([head, content]);
}

function partitionReply(hub: Hub, partition: string): Reply {
  const log = hub.partitions[partitionIn(hub, partition) ?? -1];
  if (!log) return { status: 400, ...badPartition(partition) };
  const body = map(
    string('name'),
    string(hub.name),
    string('type'),
    string('com.microsoft:partition'),
    string('partition'),
    string(partition),
    string('begin_sequence_number'),
    long(log.last < 0 ? -1 : log.first),
    string('last_enqueued_sequence_number'),
    long(log.last),
    string('last_enqueued_offset'),
    string(String(log.last)),
    string('last_enqueued_time_utc'),
    timestamp(log.lastTime),
    string('is_partition_empty'),
    boolean(log.isEmpty),
  );
  return { status: 200, description: 'OK', body };
}
