/**
 * Holds the answers of mutating requests until their changes are on disk.
 *
 * H1 The answer to each request that is not a read, even a refusal, leaves after a commit that began when its handler had ended.
 * H2 One commit serves all answers that wait for it.
 * H3 When the commit fails, the answer becomes 503, or the connection is cut if the answer has begun: the client retries, and no write is
 *    acknowledged that may be lost.
 * H4 The first end() ends the answer, as in Node: a handler that ends it again (table transactions do) changes nothing.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

/** Methods that change nothing; a queue's GET hides the messages that it returns. */
export const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
export const QUEUE_READS: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS']);

interface Waiting {
  readonly response: ServerResponse;
  readonly send: () => void;
  /** Answers 503 instead. */
  readonly refuse: () => void;
}

/** The result of each commit. */
export interface CommitWatch {
  readonly failed: (error: unknown) => void;
  readonly done?: () => void;
}

export function holdAnswers(
  server: Server,
  commit: () => void,
  { failed, done }: CommitWatch,
  reads: ReadonlySet<string> = READS,
): void {
  const listeners = server.listeners('request') as RequestListener[];
  let waiting: Waiting[] = [];
  const flush = () => {
    const group = waiting;
    waiting = [];
    try {
      commit();
    } catch (error) {
      failed(error);
      for (const { response, refuse } of group) {
        if (response.headersSent) response.destroy();
        else refuse();
      }
      return;
    }
    done?.();
    for (const { send } of group) send();
  };
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!reads.has(request.method ?? 'GET')) {
      hold(response, (send, refuse) => {
        waiting.push({ response, send, refuse });
        if (waiting.length === 1) setImmediate(flush);
      });
    }
    for (const listener of listeners) listener.call(server, request, response);
  });
}

/** Buffers everything that is written to the response; `ended` gets the functions that send it, or 503 in its place. */
function hold(response: ServerResponse, ended: (send: () => void, refuse: () => void) => void): void {
  const { write, end } = response;
  const kept: Parameters<ServerResponse['write']>[] = [];
  response.write = ((...chunk: Parameters<ServerResponse['write']>) => {
    kept.push(chunk);
    return true;
  }) as ServerResponse['write'];
  response.end = ((...last: Parameters<ServerResponse['end']>) => {
    response.end = () => response;
    const release = () => {
      response.write = write;
      response.end = end;
    };
    const send = () => {
      release();
      for (const chunk of kept) response.write(...chunk);
      response.end(...last);
    };
    const refuse = () => {
      release();
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      response.writeHead(503, { 'x-ms-error-code': 'ServerBusy', 'retry-after': '1', 'content-length': 0 });
      response.end();
    };
    ended(send, refuse);
    return response;
  }) as ServerResponse['end'];
}
