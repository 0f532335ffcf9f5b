/** Latency of a checkpoint and of a small upload, one at a time: `node tests/bench/storage.bench.ts [--blobs N]`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob';
import { ContainerClient } from '@azure/storage-blob';
import { startStorage } from '../../storage/server.ts';

const { values } = parseArgs({
  options: { blobs: { type: 'string', default: '1000' }, runs: { type: 'string', default: '500' } },
});
const dataDir = await mkdtemp(join(tmpdir(), 'storage-bench-'));

async function measure(name: string, work: (n: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < Number(values.runs); n += 1) {
    const begin = performance.now();
    await work(n);
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(2);
  process.stdout.write(`${name}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms\n`);
}

for (const answerBeforeSave of [true, false]) {
  const dir = join(dataDir, String(answerBeforeSave));
  const begin = performance.now();
  await using server = await startStorage({ port: 0, dataDir: dir, answerBeforeSave });
  process.stdout.write(
    `${answerBeforeSave ? 'answers at once' : 'answers after the save'}: ready in ${(performance.now() - begin).toFixed(0)} ms\n`,
  );
  const container = new ContainerClient(server.connectionString, 'bench');
  await container.create();
  for (let n = 0; n < Number(values.blobs); n += 1) {
    await container.getBlockBlobClient(`filler-${n}`).upload('x', 1);
  }
  const store = new BlobCheckpointStore(container);
  const place = { fullyQualifiedNamespace: 'ns', eventHubName: 'hub', consumerGroup: 'group' };
  await measure('  checkpoint', (n) =>
    store.updateCheckpoint({
      ...place,
      partitionId: String(n % 4),
      sequenceNumber: n,
      offset: String(n),
    }),
  );
  await measure('  upload 1 KB', (n) =>
    container.getBlockBlobClient(`upload-${n}`).upload('x'.repeat(1024), 1024),
  );
}
await rm(dataDir, { recursive: true });
