/** A process with an engine of its own on a shared data folder; its parent calls the API by messages `{n, method, path, body}`. */
import { openHub } from './durable-hub.ts';

const [dataDir = ''] = process.argv.slice(2);
const hub = await openHub(dataDir, {
  settings: { maxConcurrentActivityFunctions: 4 },
  leaseMs: Number(process.env['LEASE_MS']),
});

process.on(
  'message',
  ({ n, method, path, body }: { n: number; method: string; path: string; body?: unknown }) => {
    if (method === 'CLOSE') {
      void hub.durable.close(5_000).then(() => process.exit(0));
      return;
    }
    void hub.call(method, path, body).then((reply) => process.send?.({ n, reply }));
  },
);
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
