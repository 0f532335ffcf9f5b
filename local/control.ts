/**
 * Serves the control port of a local server, for tests in another process: JSON over HTTP on loopback.
 *
 * C1 The server behind it goes on for any input: a body that cannot be read or is refused gets 400 with the reason.
 * C2 Web pages cannot control it: a request needs the header `x-local-control: 1`, which no page can send to another origin, and a body
 *    needs `content-type: application/json`. Host and Origin are checked as everywhere.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { createHostCheck, protect } from './host-check.ts';
import { closeAll, listen } from './loopback.ts';

export interface Control {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Called with the parsed body, or undefined when there is none. Its result, if any, is the answer's JSON.
 * It throws an Error that explains why the body is not valid.
 */
export type Command = (body: unknown) => unknown;

/** `{'POST /faults': …}` */
export type Commands = Readonly<Record<string, Command>>;

const MAX_BODY_BYTES = 64 * 1024;

/** Headers that every command needs. */
export const CONTROL_HEADERS = { 'x-local-control': '1', 'content-type': 'application/json' } as const;

/** @param port 0: any that is free */
export async function startControl(commands: Commands, port: number): Promise<Control> {
  const server = createServer((request, response) => {
    void perform(request, commands).then(({ status, answer }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(answer === undefined ? undefined : JSON.stringify(answer));
    });
  });
  protect(server, createHostCheck());
  return { port: await listen(server, port), close: () => closeAll(server) };
}

interface Outcome {
  readonly status: number;
  readonly answer?: unknown;
}

const refusal = (status: number, message: string): Outcome => ({ status, answer: { message } });

async function perform(request: IncomingMessage, commands: Commands): Promise<Outcome> {
  const { method = '', url = '', headers } = request;
  if (headers['x-local-control'] !== CONTROL_HEADERS['x-local-control'])
    return refusal(403, 'the header x-local-control: 1 is missing');
  const command = Object.hasOwn(commands, `${method} ${url}`) ? commands[`${method} ${url}`] : undefined;
  if (!command) {
    const known = Object.keys(commands);
    const status = known.some((each) => each.endsWith(` ${url}`)) ? 405 : 404;
    return refusal(status, `there is ${known.join(', ')}`);
  }
  try {
    const body = await bytesOf(request);
    if (body.length > 0 && !/^application\/json\b/i.test(headers['content-type'] ?? ''))
      return refusal(415, 'the body must be application/json');
    const answer = command(parse(body));
    return answer === undefined ? { status: 204 } : { status: 200, answer };
  } catch (error) {
    return refusal(400, error instanceof Error ? error.message : String(error));
  }
}

/** The body, or the beginning of one that is too long. */
async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    chunks.push(chunk);
    if (size > MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/** @throws Error that explains why the body is not valid */
function parse(body: Buffer): unknown {
  if (body.length > MAX_BODY_BYTES) throw new Error(`the body is longer than ${MAX_BODY_BYTES} bytes`);
  return body.length === 0 ? undefined : (JSON.parse(body.toString()) as unknown);
}
