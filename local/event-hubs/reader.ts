/**
 * Runs one receiver of one partition: pushes events as long as the client has given credit.
 *
 * R1 It never sends more than the credit and the session's window allow, and nothing while the socket has much to send.
 * R2 Deliveries are settled when sent: the client's checkpoint, not the broker, records progress.
 * R3 Nothing runs while there is nothing to send.
 * R4 Above the namespace's egress limit it waits, without an error to the client.
 */
import type { Link } from './amqp/link.ts';
import { runtimeMetric, stamp } from './encoding.ts';
import type { Meter } from './meter.ts';
import type { PartitionLog } from './partition-log.ts';

export interface ReaderOptions {
  readonly link: Link;
  readonly log: PartitionLog;
  /** Sequence number of the first event to send. */
  readonly from: number;
  readonly withMetric: boolean;
  readonly paused: () => boolean;
  /** The namespace's egress. */
  readonly egress: Meter;
  readonly now: () => number;
}

export interface Reader {
  /** Continues: credit or events have arrived. */
  wake(): void;
  stop(): void;
}

const AT_ONCE = 250;
/** Above this much unsent on the socket the reader waits for it to drain. */
const SOCKET_BYTES = 1024 * 1024;
const PAUSE_CHECK_MS = 50;

export function createReader({ link, log, from, withMetric, paused, egress, now }: ReaderOptions): Reader {
  let next = from;
  let scheduled = false;
  let stopped = false;

  const pump = () => {
    scheduled = false;
    if (stopped || !link.isOpen) return;
    if (paused()) return later(PAUSE_CHECK_MS);
    if (link.connection.backlog > SOCKET_BYTES) return link.connection.onceDrained(wake);
    if (next > log.last) return link.drained();
    const room = Math.min(link.credit, link.session.window, AT_ONCE);
    if (room <= 0) return;
    const wait = egress.wait();
    if (wait > 0) return later(wait);
    const metric = withMetric ? metricOf() : undefined;
    const first = next;
    let bytes = 0;
    for (const event of log.read(next, room)) {
      const { sequenceNumber, enqueuedTime, partitionKey, message } = event;
      const offset = String(sequenceNumber);
      link.send(stamp(message, { sequenceNumber, offset, enqueuedTime, partitionKey }, metric));
      next = sequenceNumber + 1;
      bytes += message.length;
    }
    egress.take(next - first, bytes);
    if (next <= log.last || link.drain) wake();
  };

  /** Nothing wakes it earlier. */
  const later = (milliseconds: number) => {
    scheduled = true;
    setTimeout(pump, milliseconds).unref();
  };

  const wake = () => {
    if (scheduled || stopped) return;
    scheduled = true;
    setImmediate(pump);
  };

  const metricOf = () =>
    runtimeMetric({ sequenceNumber: log.last, offset: String(log.last), enqueuedTime: log.lastTime }, now());

  const off = log.onAppend(wake);
  link.onCredit = wake;
  wake();
  return {
    wake,
    stop: () => {
      stopped = true;
      off();
    },
  };
}

/** Not every client quotes the value. */
const FILTER =
  /^amqp\.annotation\.(x-opt-offset|x-opt-sequence-number|x-opt-enqueued-time)\s*(>=|>)\s*('?)([^']*)\3$/;

/** Sequence number of the first event that passes the filter; `beyond`: the filter points beyond the end. */
export function startOf(filter: string | undefined, log: PartitionLog): number | 'malformed' | 'beyond' {
  if (filter === undefined) return log.first;
  const [, field, operator, , value = ''] = FILTER.exec(filter.trim()) ?? [];
  if (!field) return 'malformed';
  if (value === '@latest') return log.last + 1;
  if (!/^-?\d{1,15}$/.test(value)) return 'malformed';
  const number = Number(value);
  if (field === 'x-opt-enqueued-time') return log.sequenceAfter(number);
  if (number === -1) return log.first;
  if (number > log.last + (operator === '>=' ? 1 : 0)) return 'beyond';
  return Math.max(log.first, operator === '>' ? number + 1 : number);
}
