/**
 * Serves AMQP in WebSockets. https://docs.oasis-open.org/amqp-bindmap/amqp-wsb/v1.0/amqp-wsb-v1.0.html
 *
 * W1 The content of a WebSocket is a stream: an AMQP frame may span several messages, and a message may contain several frames.
 * W2 A request for anything but a WebSocket for AMQP on the right path gets an HTTP status, and its connection is closed.
 * W3 A page of another site cannot open one: Host and Origin are checked, because browsers apply no CORS to WebSockets.
 */
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { createHostCheck } from '../host-check.ts';

const PATH = '/$servicebus/websocket';
const IS_PATH = /^\/(\$|%24)servicebus\/websocket\/?(\?|$)/i;
/** The standard's name, which .NET's SDK uses, and the name that the JavaScript SDK uses. */
const PROTOCOLS: ReadonlySet<string> = new Set(['amqp', 'AMQPWSB10']);
/** Largest size of one message: clients put all their pending data into one. */
const MAX_BYTES = 16 * 1024 * 1024;
const ONLY_BINARY = 1003;

const options = {
  noServer: true,
  clientTracking: false,
  maxPayload: MAX_BYTES,
  /** Time for the other side to close, too. */
  closeTimeout: 1_000,
  handleProtocols: (offered: ReadonlySet<string>) =>
    [...offered].find((name) => PROTOCOLS.has(name)) ?? false,
};
const streams = new WebSocketServer(options);
const check = createHostCheck();

/**
 * Speaks HTTP on a socket until it is a WebSocket.
 *
 * @param opened called at most once, with the stream inside
 */
export function upgrade(socket: Socket, opened: (stream: Duplex) => void): void {
  const server = createServer((request, response) => {
    const status = refusalOf(request) ?? 426;
    response.writeHead(status, { connection: 'close', ...(status === 426 ? { upgrade: 'websocket' } : {}) });
    response.end(textOf(status));
  });
  server.on('upgrade', (request, raw, head) => {
    const status = refusalOf(request);
    if (status !== undefined) return refuse(raw, status);
    streams.handleUpgrade(request, raw, head, (ws) => {
      ws.on('message', (_data, isBinary) => {
        if (!isBinary) ws.close(ONLY_BINARY, 'AMQP is binary');
      });
      const stream = createWebSocketStream(ws, {
        allowHalfOpen: false,
        // What is corked leaves in one message.
        writev: (chunks, done) => ws.send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
      });
      ws.on('error', () => undefined).once('close', () => stream.destroy());
      opened(stream);
    });
  });
  server.emit('connection', socket);
  socket.resume();
}

/** Undefined: the path serves AMQP. */
function refusalOf({ url = '', headers }: IncomingMessage): number | undefined {
  if (check(headers) !== undefined) return 403;
  // Some clients write a slash behind it, or the dollar as %24.
  if (!IS_PATH.test(url)) return 404;
  const offered = headers['sec-websocket-protocol'];
  if (headers.upgrade === undefined) return undefined;
  return offered?.split(',').some((name) => PROTOCOLS.has(name.trim())) ? undefined : 400;
}

function refuse(raw: Duplex, status: number): void {
  const text = textOf(status);
  raw.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
}

const textOf = (status: number) =>
  `${status} ${STATUS_CODES[status]}: AMQP is served here in WebSockets on ${PATH} with the protocol ${[...PROTOCOLS].join(' or ')}\n`;
