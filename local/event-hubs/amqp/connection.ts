/**
 * Implements the server's side of an AMQP 1.0 connection: headers, SASL, open, sessions, idle time, close.
 * http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
 *
 * A1 Invalid input ends only the sender's connection, with an error that says why: no frame is read before it is complete,
 *    a frame larger than `MAX_FRAME_BYTES` is refused, and nothing costs more than its length.
 * A2 A socket that does not open a connection in time, or is silent for twice the idle time, is destroyed.
 * A3 Frames that are made in one turn of the event loop leave in one write.
 * A4 Much unread or unhandled input stops the socket, not the memory.
 */
import type { Duplex } from 'node:stream';
import { ProtocolError } from './errors.ts';
import type { Connection } from './layers.ts';
import type { Link } from './link.ts';
import {
  type AmqpError,
  CODE,
  errorValue,
  frame,
  HEARTBEAT,
  performative,
  readBegin,
  readOpen,
  readPerformative,
  readSaslInit,
} from './performatives.ts';
import { Session } from './session.ts';
import { MalformedValue, string, symbols, ubyte, uint, ushort } from './values.ts';

/** The broker's callbacks for a connection. */
export interface Service {
  readonly containerId: string;
  /** A link is being attached: it must be accepted or refused before this returns. */
  attached(link: Link): void;
  /** SASL PLAIN; false: refused. */
  signIn(connection: AmqpConnection, user: string, password: string): boolean;
  closed(connection: AmqpConnection): void;
}

export const MAX_FRAME_BYTES: number = 1024 * 1024;
const IDLE_MS = 60_000;
const HANDSHAKE_MS = 20_000;
/** Time-out for a socket that does not accept data. */
const LEAVE_MS = 1_000;
/** The service's values. */
const CHANNELS = 5_000;
/** Unhandled bytes of messages above which reading stops. */
const MAX_UNHANDLED = 16 * 1024 * 1024;
const JOINED_BYTES = 64 * 1024;
const MECHANISMS = ['MSSBCBS', 'ANONYMOUS', 'PLAIN'];
const AMQP_HEADER = Buffer.from('AMQP\0\x01\0\0', 'latin1');
const SASL_HEADER = Buffer.from('AMQP\x03\x01\0\0', 'latin1');

type Stage = 'header' | 'sasl' | 'amqp-header' | 'frames' | 'ended';

export class AmqpConnection implements Connection {
  private readonly socket: Duplex;
  readonly isEncrypted: boolean;
  readonly service: Service;
  private readonly sessions = new Map<number, Session>();
  private readonly channels = new Set<number>();
  private drainers = new Set<() => void>();
  private readonly timer: NodeJS.Timeout;
  private stage: Stage = 'header';
  private isOpen = false;
  private input: Buffer[] = [];
  private inputBytes = 0;
  private needed = 8;
  private output: Buffer[] = [];
  private outputBytes = 0;
  private unhandled = 0;
  private heard = Date.now();
  private remoteIdle = 0;
  /** The largest frame that the other side accepts. */
  maxFrame = 512;

  /**
   * @param socket a stream of bytes, over any transport
   * @param handshakeMs time without an open after which the socket is destroyed
   */
  constructor(socket: Duplex, service: Service, isEncrypted: boolean, handshakeMs: number = HANDSHAKE_MS) {
    this.socket = socket;
    this.service = service;
    this.isEncrypted = isEncrypted;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('drain', () => {
      const waiting = this.drainers;
      this.drainers = new Set();
      for (const resume of waiting) resume();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.ended());
    this.timer = setTimeout(() => socket.destroy(), handshakeMs);
    this.timer.unref();
  }

  /** Bytes waiting for the socket. */
  get backlog(): number {
    return this.socket.writableLength + this.outputBytes;
  }

  get isAlive(): boolean {
    return this.stage !== 'ended';
  }

  onceDrained(resume: () => void): void {
    if (this.socket.writableNeedDrain || this.outputBytes > 0) this.drainers.add(resume);
    else setImmediate(resume);
  }

  *links(): Generator<Link> {
    for (const session of this.sessions.values()) yield* session.links();
  }

  /** Counts the bytes of a message that is being handled (negative: has been handled). */
  handling(bytes: number): void {
    this.unhandled += bytes;
    if (this.unhandled > MAX_UNHANDLED) this.socket.pause();
    else if (bytes < 0 && this.socket.isPaused()) this.socket.resume();
  }

  write(...parts: readonly Buffer[]): void {
    if (this.stage === 'ended') return;
    if (this.output.length === 0) queueMicrotask(() => this.flush());
    for (const part of parts) {
      this.output.push(part);
      this.outputBytes += part.length;
    }
  }

  send(channel: number, body: Buffer): void {
    this.write(frame(channel, body));
  }

  private flush(): void {
    for (const session of this.sessions.values()) session.writeDispositions();
    const { output, outputBytes, socket } = this;
    if (output.length === 0) return;
    this.output = [];
    this.outputBytes = 0;
    if (socket.destroyed) return;
    if (output.length === 1 || outputBytes <= JOINED_BYTES) {
      socket.write(output.length === 1 ? (output[0] as Buffer) : Buffer.concat(output, outputBytes));
      return;
    }
    socket.cork();
    for (const part of output) socket.write(part);
    socket.uncork();
  }

  /** Flushes, and ends with an error or without one. */
  close(error?: AmqpError): void {
    if (this.stage === 'ended') return;
    if (this.isOpen) this.send(0, performative(CODE.close, error && errorValue(error)));
    this.leave();
  }

  /** Flushes, and ends without a close frame: clients treat that as a lost connection, and reconnect. */
  leave(): void {
    this.flush();
    this.ended();
    this.socket.end(() => this.socket.destroy());
    setTimeout(() => this.socket.destroy(), LEAVE_MS).unref();
  }

  /** Ends at once, without a close frame. */
  destroy(): void {
    this.socket.destroy();
    this.ended();
  }

  private ended(): void {
    if (this.stage === 'ended') return;
    this.stage = 'ended';
    clearTimeout(this.timer);
    this.input = [];
    this.drainers.clear();
    for (const session of this.sessions.values()) session.ended();
    this.sessions.clear();
    this.service.closed(this);
  }

  private take(chunk: Buffer): void {
    if (this.stage === 'ended') return;
    this.heard = Date.now();
    this.input.push(chunk);
    this.inputBytes += chunk.length;
    if (this.inputBytes < this.needed) return;
    const bytes = this.input.length === 1 ? chunk : Buffer.concat(this.input, this.inputBytes);
    try {
      const rest = bytes.subarray(this.consume(bytes));
      this.input = rest.length > 0 ? [rest] : [];
      this.inputBytes = rest.length;
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (error instanceof ProtocolError)
      this.close({ condition: error.condition, description: error.message });
    else if (error instanceof MalformedValue)
      this.close({ condition: 'amqp:decode-error', description: error.message });
    else {
      process.stderr.write(`event-hubs: ${error instanceof Error ? error.stack : String(error)}\n`);
      this.close({ condition: 'amqp:internal-error', description: 'see the log' });
    }
  }

  /** The number of bytes in complete frames; sets how many bytes are needed before the next attempt. */
  private consume(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      this.needed = this.stage === 'header' || this.stage === 'amqp-header' ? 8 : 4;
      if (this.stage === 'ended') return bytes.length;
      if (left < this.needed) return at;
      if (this.needed === 8) {
        this.header(bytes.subarray(at, at + 8));
        at += 8;
        continue;
      }
      const size = bytes.readUInt32BE(at);
      if (size < 8 || size > MAX_FRAME_BYTES)
        throw new ProtocolError('amqp:connection:framing-error', `a frame of ${size} bytes`);
      this.needed = size;
      if (left < size) return at;
      this.frame(bytes.subarray(at, at + size));
      at += size;
    }
  }

  private header(bytes: Buffer): void {
    if (bytes.equals(AMQP_HEADER)) {
      if (this.stage === 'header' || this.stage === 'amqp-header') this.write(AMQP_HEADER);
      this.stage = 'frames';
    } else if (bytes.equals(SASL_HEADER) && this.stage === 'header') {
      this.stage = 'sasl';
      this.write(SASL_HEADER, frame(0, performative(CODE.mechanisms, symbols(MECHANISMS)), 1));
    } else {
      // The only protocol versions that are supported: https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html 2.2
      this.write(SASL_HEADER);
      this.close();
    }
  }

  private frame(bytes: Buffer): void {
    const start = (bytes[4] as number) * 4;
    const type = bytes[5] as number;
    if (start < 8 || start > bytes.length || type !== (this.stage === 'sasl' ? 1 : 0))
      throw new ProtocolError('amqp:connection:framing-error', 'a frame that cannot be');
    const body = bytes.subarray(start);
    if (body.length === 0) return;
    const { code, fields, payload } = readPerformative(body);
    if (this.stage === 'sasl') return this.sasl(code, fields);
    const channel = bytes.readUInt16BE(6);
    if (!this.isOpen && code !== CODE.open) throw new ProtocolError('amqp:illegal-state', 'not open yet');
    if (code === CODE.open) return this.open(readOpen(fields));
    if (code === CODE.close) return this.close();
    if (code === CODE.begin) return this.begin(channel, readBegin(fields));
    const session = this.sessions.get(channel);
    if (!session) throw new ProtocolError('amqp:not-allowed', `there is no session on channel ${channel}`);
    if (code === CODE.end) {
      session.ended();
      this.sessions.delete(channel);
      this.channels.delete(session.channel);
      this.send(session.channel, performative(CODE.end));
      return;
    }
    session.take(code, fields, payload);
  }

  private sasl(code: number, fields: Parameters<typeof readSaslInit>[0]): void {
    if (code !== CODE.init) throw new ProtocolError('amqp:not-allowed', 'sasl-init was expected');
    const { mechanism, response } = readSaslInit(fields);
    const [, user = '', password = ''] = response?.toString('utf8').split('\0') ?? [];
    const isIn =
      mechanism === 'PLAIN' ? this.service.signIn(this, user, password) : MECHANISMS.includes(mechanism);
    this.write(frame(0, performative(CODE.outcome, ubyte(isIn ? 0 : 1)), 1));
    if (isIn) this.stage = 'amqp-header';
    else this.close();
  }

  private open({ maxFrameSize, channelMax, idleTimeout }: ReturnType<typeof readOpen>): void {
    if (this.isOpen) throw new ProtocolError('amqp:illegal-state', 'open already received');
    if (maxFrameSize < 512) throw new ProtocolError('amqp:invalid-field', 'max-frame-size is below 512');
    this.isOpen = true;
    this.maxFrame = Math.min(maxFrameSize, MAX_FRAME_BYTES);
    this.remoteIdle = idleTimeout;
    clearTimeout(this.timer);
    this.keepAlive();
    const body = performative(
      CODE.open,
      string(this.service.containerId),
      undefined,
      uint(MAX_FRAME_BYTES),
      ushort(Math.min(channelMax, CHANNELS - 1)),
      uint(IDLE_MS),
    );
    this.send(0, body);
  }

  private keepAlive(): void {
    const every = Math.max(50, Math.min(IDLE_MS, this.remoteIdle > 0 ? this.remoteIdle / 2 : IDLE_MS));
    const beat = setInterval(() => {
      if (this.stage === 'ended') return clearInterval(beat);
      if (Date.now() - this.heard > 2 * IDLE_MS) return this.destroy();
      if (this.remoteIdle > 0) this.write(HEARTBEAT);
    }, every);
    beat.unref();
    this.socket.once('close', () => clearInterval(beat));
  }

  private begin(channel: number, begin: ReturnType<typeof readBegin>): void {
    if (this.sessions.has(channel)) throw new ProtocolError('amqp:illegal-state', 'begin already received');
    if (begin.remoteChannel !== undefined)
      throw new ProtocolError('amqp:not-allowed', 'this side begins no sessions');
    if (channel >= CHANNELS)
      throw new ProtocolError('amqp:connection:framing-error', `channel ${channel} is above channel-max`);
    let own = 0;
    while (this.channels.has(own)) own++;
    this.channels.add(own);
    this.sessions.set(channel, new Session(this, own, channel, begin));
  }
}
