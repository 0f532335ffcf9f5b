/** The Cosmos server as a process: `--port N --data DIR [--control-port N]`; faults by `POST /faults` on the control port. */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import type { Fault } from './faults.ts';
import { type CosmosServer, startCosmos } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8081' },
    data: { type: 'string', default: '.data/cosmos' },
    'control-port': { type: 'string' },
  },
});

await runServer('cosmos', async () => {
  const server = await startCosmos({ port: Number(values.port), dataDir: values.data });
  const control = values['control-port']
    ? await listenForFaults(server, Number(values['control-port']))
    : undefined;
  return {
    ready: { port: server.port },
    close: async () => {
      control?.close();
      await server.close();
    },
  };
});

/** `POST /faults` adds one, `DELETE /faults` clears all. */
async function listenForFaults(server: CosmosServer, port: number) {
  const control = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'DELETE') server.faults.clear();
      else server.faults.add(JSON.parse(Buffer.concat(chunks).toString()) as Fault);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    control.once('error', reject);
    control.listen(port, '127.0.0.1', resolve);
  });
  return control;
}
