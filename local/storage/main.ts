/** Storage as a process of its own: `--port N --data DIR [--queue-port N] [--table-port N]`. */
import { parseArgs } from 'node:util';
import { runServer } from '../process.ts';
import { startStorage } from './server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '10000' },
    data: { type: 'string', default: '.data/storage' },
    'queue-port': { type: 'string' },
    'table-port': { type: 'string' },
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
  });
  return {
    ready: { port: server.port, connectionString: server.connectionString },
    close: () => server.close(),
  };
});
