/**
 * Implements a link of a session: one direction of messages, with its credit.
 *
 * S1 No transfer leaves without the link's credit and the session's window; others wait for them.
 * S2 Every transfer is sent settled: the broker keeps no delivery.
 * S3 A link that was closed here accepts nothing more, and is forgotten when the other side has detached it, too.
 */
import { ProtocolError } from './errors.ts';
import type { Connection, LinkSession } from './layers.ts';
import {
  type AmqpError,
  type Attach,
  CODE,
  errorValue,
  type Flow,
  performative,
  type Transfer,
} from './performatives.ts';
import { boolean, map, string, symbol, symbols, ubyte, uint, ulong } from './values.ts';

/** Number of messages that a sender may have under way. */
const CREDIT = 1000;
const MAX_WAITING = 1000;

export interface Delivery {
  readonly format: number;
  /** Undefined: it was larger than the link allows. */
  readonly message: Buffer | undefined;
  accept(): void;
  reject(error: AmqpError): void;
}

interface Partial {
  readonly id: number;
  readonly format: number;
  settled: boolean;
  chunks: Buffer[] | undefined;
  size: number;
}

export interface LinkOptions {
  readonly maxMessageSize?: number;
  readonly capabilities?: readonly string[];
  /** Names and values. */
  readonly properties?: Readonly<Record<string, Buffer>>;
}

/** One direction of messages. */
export class Link {
  readonly session: LinkSession;
  readonly attach: Attach;
  readonly handle: number;
  /** Number of messages that may still be sent to, or accepted from, the other side. */
  credit = 0;
  drain = false;
  onMessage: (delivery: Delivery) => void = () => undefined;
  onCredit: () => void = () => undefined;
  onClosed: () => void = () => undefined;
  private state: 'open' | 'closing' | 'closed' = 'open';
  private deliveryCount: number;
  private maxMessageSize = Number.POSITIVE_INFINITY;
  private partial: Partial | undefined;
  private waiting: Buffer[] = [];

  constructor(session: LinkSession, attach: Attach, handle: number) {
    this.session = session;
    this.attach = attach;
    this.handle = handle;
    this.deliveryCount = attach.role ? 0 : attach.initialDeliveryCount;
  }

  /** Whether this side sends. */
  get sends(): boolean {
    return this.attach.role;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  get connection(): Connection {
    return this.session.connection;
  }

  accept(options: LinkOptions = {}): void {
    this.maxMessageSize = options.maxMessageSize ?? Number.POSITIVE_INFINITY;
    this.writeAttach(options);
    if (!this.sends) this.grant();
  }

  /** Attaches, and detaches with the reason: clients treat that as the answer. */
  refuse(error: AmqpError): void {
    this.writeAttach({});
    this.close(error);
  }

  private writeAttach({ maxMessageSize, capabilities, properties }: LinkOptions): void {
    const { name, source, target } = this.attach;
    const entries = Object.entries(properties ?? {}).flatMap(([key, value]) => [symbol(key), value]);
    this.session.send(
      performative(
        CODE.attach,
        string(name),
        uint(this.handle),
        boolean(!this.sends),
        ubyte(this.sends ? 1 : 0),
        ubyte(0),
        source.bytes,
        target.bytes,
        undefined,
        undefined,
        this.sends ? uint(0) : undefined,
        maxMessageSize === undefined ? undefined : ulong(maxMessageSize),
        capabilities && symbols(capabilities),
        undefined,
        // Also when empty: not every client accepts null.
        map(...entries),
      ),
    );
  }

  private grant(): void {
    this.credit = CREDIT;
    this.session.writeFlow({ handle: this.handle, deliveryCount: this.deliveryCount, credit: CREDIT });
  }

  close(error?: AmqpError): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.session.writeDispositions();
    this.session.send(
      performative(CODE.detach, uint(this.handle), boolean(true), error && errorValue(error)),
    );
    this.forget();
  }

  /** The other side has detached. */
  detached(): void {
    if (this.state === 'open') {
      this.session.writeDispositions();
      this.session.send(performative(CODE.detach, uint(this.handle), boolean(true)));
      this.forget();
    }
    this.state = 'closed';
  }

  /** The session or connection is gone. */
  gone(): void {
    if (this.state === 'open') this.forget();
    this.state = 'closed';
  }

  private forget(): void {
    this.waiting = [];
    this.partial = undefined;
    this.onClosed();
  }

  /** A message of format 0, as soon as there is credit. */
  send(message: Buffer): void {
    if (!this.isOpen) return;
    if (this.waiting.length > 0 || this.credit <= 0 || this.session.window <= 0) {
      if (this.waiting.length >= MAX_WAITING)
        throw new ProtocolError('amqp:not-allowed', 'no answer is taken');
      this.waiting.push(message);
      return;
    }
    this.credit -= 1;
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    this.session.transfer(this.handle, message);
  }

  /** There is nothing left to send, and the client wants its credit used or returned. */
  drained(): void {
    if (!this.drain) return;
    this.deliveryCount = (this.deliveryCount + this.credit) >>> 0;
    this.credit = 0;
    this.drain = false;
    const { handle, deliveryCount } = this;
    this.session.writeFlow({ handle, deliveryCount, credit: 0 }, true);
  }

  flowed({ deliveryCount = 0, linkCredit, drain, echo }: Flow): void {
    if (!this.isOpen) return;
    if (this.sends && linkCredit !== undefined) {
      const credit = (deliveryCount + linkCredit - this.deliveryCount) >>> 0;
      // A negative 32-bit number: more has been sent than is now allowed.
      this.credit = credit > 0x7fff_ffff ? 0 : credit;
      this.drain = drain;
      this.wake();
    }
    if (echo) {
      const own = { handle: this.handle, deliveryCount: this.deliveryCount, credit: this.credit };
      this.session.writeFlow(own);
    }
  }

  /** Credit or window has become available. */
  wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const message of waiting) this.send(message);
    this.onCredit();
  }

  transferred(transfer: Transfer): void {
    if (!this.isOpen) return;
    if (this.sends) throw new ProtocolError('amqp:not-allowed', 'a transfer to a link that sends');
    const current = this.partial ?? this.begin(transfer);
    if (!this.isOpen) return;
    if (transfer.deliveryId !== undefined && transfer.deliveryId !== current.id)
      throw new ProtocolError('amqp:not-allowed', 'a delivery begins within another');
    this.partial = current;
    current.settled ||= transfer.settled;
    current.size += transfer.payload.length;
    if (current.size > this.maxMessageSize) current.chunks = undefined;
    current.chunks?.push(transfer.payload);
    if (transfer.more && !transfer.aborted) return;
    this.partial = undefined;
    if (!transfer.aborted) this.deliver(current);
    if (this.isOpen && this.credit < CREDIT / 2) this.grant();
  }

  private begin({ deliveryId, format, settled }: Transfer): Partial {
    if (deliveryId === undefined) throw new ProtocolError('amqp:invalid-field', 'delivery-id is missing');
    this.credit -= 1;
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    if (this.credit < 0)
      this.close({ condition: 'amqp:link:transfer-limit-exceeded', description: 'there was no credit' });
    return { id: deliveryId, format, settled, chunks: [], size: 0 };
  }

  private deliver({ id, format, settled, chunks, size }: Partial): void {
    const message = chunks?.length === 1 ? chunks[0] : chunks && Buffer.concat(chunks, size);
    const { connection, session } = this;
    let isDone = false;
    const done = () => {
      const was = isDone;
      isDone = true;
      if (!was) connection.handling(-size);
      return !was && !settled && this.isOpen;
    };
    connection.handling(size);
    this.onMessage({
      format,
      message,
      accept: () => {
        if (done()) session.accept(id);
      },
      reject: (error) => {
        if (done()) session.reject(id, error);
      },
    });
  }
}
