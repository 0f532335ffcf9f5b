/** The broker as a process: `--port N --data DIR --config FILE [--control-port N]`; the file is JSON: `{hubs, keys}`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import type { AccessKey } from './auth.ts';
import type { HubConfig } from './broker.ts';
import type { Fault } from './faults.ts';
import { type EventHubsServer, startEventHubs } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '5672' },
    data: { type: 'string', default: '.data/event-hubs' },
    config: { type: 'string', default: '' },
    'control-port': { type: 'string' },
  },
});

await runServer('event-hubs', async () => {
  const { hubs, keys } = JSON.parse(readFileSync(values.config, 'utf8')) as {
    hubs: Record<string, HubConfig>;
    keys: AccessKey[];
  };
  const server = await startEventHubs({ port: Number(values.port), dataDir: values.data, hubs, keys });
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

/** `POST /faults` adds one, `DELETE /faults` clears all, `POST /drop` cuts every connection. */
async function listenForFaults(server: EventHubsServer, port: number) {
  const control = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'DELETE') server.faults.clear();
      else if (request.url === '/drop') server.faults.dropConnections();
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
