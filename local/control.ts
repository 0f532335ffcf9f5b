/**
 * The control port of a local server, for tests in another process: JSON over HTTP on loopback.
 *
 * C1 Whatever is sent, the server behind it goes on: what cannot be read or is refused answers 400 with the reason.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { closeAll, listen } from './loopback.ts';

export interface Control {
  readonly port: number;
  close(): Promise<void>;
}

/** What a command gets: the parsed body, or undefined when there is none. It throws an Error that says what is wrong. */
export type Command = (body: unknown) => void;

/** `{'POST /faults': …}` */
export type Commands = Readonly<Record<string, Command>>;

const MAX_BODY_BYTES = 64 * 1024;

/** @param port 0: any that is free */
export async function startControl(commands: Commands, port: number): Promise<Control> {
  const server = createServer((request, response) => {
    void perform(request, commands).then(({ status, message }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(message === undefined ? undefined : JSON.stringify({ message }));
    });
  });
  return { port: await listen(server, port), close: () => closeAll(server) };
}

interface Outcome {
  readonly status: number;
  readonly message?: string;
}

async function perform(request: IncomingMessage, commands: Commands): Promise<Outcome> {
  const { method = '', url = '' } = request;
  const command = Object.hasOwn(commands, `${method} ${url}`) ? commands[`${method} ${url}`] : undefined;
  if (!command) {
    const known = Object.keys(commands);
    const status = known.some((each) => each.endsWith(` ${url}`)) ? 405 : 404;
    return { status, message: `there is ${known.join(', ')}` };
  }
  try {
    command(await bodyOf(request));
    return { status: 204 };
  } catch (error) {
    return { status: 400, message: error instanceof Error ? error.message : String(error) };
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error(`the body is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}
