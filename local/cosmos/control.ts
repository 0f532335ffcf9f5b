/** Faults over HTTP, for tests in another process: `POST /faults` adds one (JSON), `DELETE /faults` clears all. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Faults, readFault } from './faults.ts';

export interface Control {
  readonly port: number;
  close(): Promise<void>;
}

export async function startControl(faults: Faults, port: number): Promise<Control> {
  const server = createServer((request, response) => {
    void perform(request, faults).then(({ status, message }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(message === undefined ? undefined : JSON.stringify({ message }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function perform(
  request: IncomingMessage,
  faults: Faults,
): Promise<{ readonly status: number; readonly message?: string }> {
  if (request.url !== '/faults') return { status: 404, message: 'there is only /faults' };
  if (request.method === 'DELETE') {
    faults.clear();
    return { status: 204 };
  }
  if (request.method !== 'POST') return { status: 405, message: 'POST adds a fault, DELETE clears all' };
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    faults.add(readFault(JSON.parse(Buffer.concat(chunks).toString())));
    return { status: 204 };
  } catch (error) {
    return { status: 400, message: error instanceof Error ? error.message : String(error) };
  }
}
