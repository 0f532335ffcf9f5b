/**
 * Runs storage as a process: `--port N --data DIR [--queue-port N] [--table-port N] [--config FILE]`. With the file, tokens
 * are taken over TLS; it is JSON: `{"tls": {"key": FILE, "cert": FILE, "port": N}, "queuePort": N, "tablePort": N, "issuer": "…",
 * "audience": "…", "roles": {principal: {container, queue, table or *: "blobReader" or several of rights.ts}}}`; `audience` and the
 * ports are optional; key and cert may be PEM themselves.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { readConfig } from './config.ts';
import { startStorage } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '10000' },
    data: { type: 'string', default: '.data/storage' },
    'queue-port': { type: 'string' },
    'table-port': { type: 'string' },
    config: { type: 'string' },
    'answer-before-save': { type: 'boolean', default: false },
  },
});

await runServer('storage', async () => {
  const [queue, table] = [values['queue-port'], values['table-port']];
  const server = await startStorage({
    port: Number(values.port),
    dataDir: values.data,
    answerBeforeSave: values['answer-before-save'],
    ...(queue === undefined ? {} : { queue: { port: Number(queue) } }),
    ...(table === undefined ? {} : { table: { port: Number(table) } }),
    ...(values.config === undefined ? {} : { tokens: readConfig(readFileSync(values.config, 'utf8')) }),
  });
  return {
    ready: {
      port: server.port,
      connectionString: server.connectionString,
      tokenEndpoints: server.tokenEndpoints,
    },
    close: () => server.close(),
  };
});
