/** Implements a connection's sessions, with their windows and links. */
import { ProtocolError } from './errors.ts';
import type { Connection, LinkFlow, LinkSession } from './layers.ts';
import { Link } from './link.ts';
import {
  type AmqpError,
  type Attach,
  accepted,
  CODE,
  type Flow,
  flow,
  performative,
  readAttach,
  readDetach,
  readFlow,
  type readPerformative,
  readTransfer,
  rejected,
  TRANSFER_HEAD,
  type Transfer,
  transferHead,
} from './performatives.ts';
import { boolean, uint, ushort } from './values.ts';

const WINDOW = 4096;
/** The service's value. */
const HANDLE_MAX = 255;
const MAX_UINT = 0xffff_ffff;

/** A connection whose broker accepts or refuses links. */
interface ServingConnection extends Connection {
  readonly service: { attached(link: Link): void };
}

export class Session implements LinkSession {
  readonly connection: ServingConnection;
  readonly channel: number;
  private readonly own = new Map<number, Link>();
  private readonly remote = new Map<number, Link>();
  private nextIncoming: number;
  private incomingLeft = WINDOW;
  private nextOutgoing = 0;
  private nextDelivery = 0;
  private acceptedFirst = 0;
  private acceptedCount = 0;
  /** Number of transfers that the other side accepts now. */
  window: number;

  constructor(
    connection: ServingConnection,
    channel: number,
    remoteChannel: number,
    begin: { readonly nextOutgoingId: number; readonly incomingWindow: number },
  ) {
    this.connection = connection;
    this.channel = channel;
    this.nextIncoming = begin.nextOutgoingId;
    this.window = begin.incomingWindow;
    this.send(
      performative(
        CODE.begin,
        ushort(remoteChannel),
        uint(0),
        uint(WINDOW),
        uint(MAX_UINT),
        uint(HANDLE_MAX),
      ),
    );
  }

  links(): IterableIterator<Link> {
    return this.own.values();
  }

  /** The link, this side sending, on which an answer of `node` to `address` is awaited; '': none was named. */
  replyLink(node: string, address: string): Link | undefined {
    return [...this.own.values()].find(
      ({ sends, attach }) =>
        sends &&
        (address === ''
          ? attach.source.address === node
          : attach.target.address === address || attach.name === address),
    );
  }

  send(body: Buffer): void {
    this.connection.send(this.channel, body);
  }

  ended(): void {
    for (const link of this.own.values()) link.gone();
    this.own.clear();
    this.remote.clear();
    this.acceptedCount = 0;
  }

  take(code: number, fields: ReturnType<typeof readPerformative>['fields'], payload: Buffer): void {
    switch (code) {
      case CODE.attach:
        return this.attach(readAttach(fields));
      case CODE.flow:
        return this.flow(readFlow(fields));
      case CODE.transfer:
        return this.transferred(readTransfer(fields, payload));
      case CODE.detach:
        return this.detach(readDetach(fields).handle);
      case CODE.disposition:
        // Every transfer is sent settled, so its outcome does not concern the broker.
        return undefined;
      default:
        throw new ProtocolError('amqp:not-implemented', `the performative ${code} is not known`);
    }
  }

  private attach(attach: Attach): void {
    if (this.remote.has(attach.handle))
      throw new ProtocolError('amqp:session:handle-in-use', `handle ${attach.handle} is in use`);
    if (attach.handle > HANDLE_MAX)
      throw new ProtocolError('amqp:connection:framing-error', `handle ${attach.handle} is above handle-max`);
    let handle = 0;
    while (this.own.has(handle)) handle++;
    const link = new Link(this, attach, handle);
    this.own.set(handle, link);
    this.remote.set(attach.handle, link);
    this.connection.service.attached(link);
  }

  private linkOf(handle: number): Link {
    const link = this.remote.get(handle);
    if (!link) throw new ProtocolError('amqp:session:unattached-handle', `handle ${handle} is not attached`);
    return link;
  }

  private detach(handle: number): void {
    const link = this.linkOf(handle);
    link.detached();
    this.remote.delete(handle);
    this.own.delete(link.handle);
  }

  private flow(frame: Flow): void {
    this.window = Math.max(0, ((frame.nextIncomingId ?? 0) + frame.incomingWindow - this.nextOutgoing) | 0);
    if (frame.incomingWindow > 0x7fff_ffff) this.window = 0x7fff_ffff;
    if (frame.handle !== undefined) this.linkOf(frame.handle).flowed(frame);
    else if (frame.echo) this.writeFlow();
    for (const link of this.own.values()) if (link.sends && link.isOpen) link.wake();
  }

  private transferred(frame: Transfer): void {
    const link = this.linkOf(frame.handle);
    this.nextIncoming = (this.nextIncoming + 1) >>> 0;
    this.incomingLeft -= 1;
    if (this.incomingLeft < 0)
      throw new ProtocolError('amqp:session:window-violation', 'more transfers than the window has room for');
    link.transferred(frame);
    if (this.incomingLeft < WINDOW / 2) this.writeFlow();
  }

  writeFlow(link?: LinkFlow, drain = false): void {
    this.incomingLeft = WINDOW;
    this.send(
      flow({
        nextIncomingId: this.nextIncoming,
        incomingWindow: WINDOW,
        nextOutgoingId: this.nextOutgoing,
        outgoingWindow: MAX_UINT,
        ...(link ? { link } : {}),
        drain,
      }),
    );
  }

  /** Sends in as many frames as the other side's frame size requires. */
  transfer(handle: number, message: Buffer): void {
    const most = this.connection.maxFrame - TRANSFER_HEAD;
    const id = this.nextDelivery;
    this.nextDelivery = (id + 1) >>> 0;
    let at = 0;
    do {
      const part = message.length - at > most ? message.subarray(at, at + most) : message.subarray(at);
      at += part.length;
      const head = transferHead(this.channel, handle, id, at < message.length, part.length);
      this.connection.write(head, part);
      this.nextOutgoing = (this.nextOutgoing + 1) >>> 0;
      this.window -= 1;
    } while (at < message.length);
  }

  /** One frame accepts several deliveries in a row. */
  accept(id: number): void {
    if (this.acceptedCount > 0 && id !== this.acceptedFirst + this.acceptedCount) this.writeDispositions();
    if (this.acceptedCount === 0) this.acceptedFirst = id;
    this.acceptedCount += 1;
    // Wakes the connection's flush, which writes the frame.
    this.connection.write(EMPTY);
  }

  writeDispositions(): void {
    if (this.acceptedCount === 0) return;
    const last = (this.acceptedFirst + this.acceptedCount - 1) >>> 0;
    this.acceptedCount = 0;
    this.disposition(this.acceptedFirst, last, accepted);
  }

  reject(id: number, error: AmqpError): void {
    this.disposition(id, id, rejected(error));
  }

  private disposition(first: number, last: number, state: Buffer): void {
    this.send(performative(CODE.disposition, boolean(true), uint(first), uint(last), boolean(true), state));
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
