/** `npm run histories`: records the history of every scenario again, with the orchestrations as they are now. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWorld } from '../saga.fixture.ts';
import { fileOf, SCENARIOS } from './scenarios.ts';

const FOLDER = join(import.meta.dirname, 'recorded');

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const world = await startWorld();
try {
  for (const [index, scenario] of SCENARIOS.entries()) {
    const runs = await scenario.record(world);
    await writeFile(join(FOLDER, fileOf(scenario)), `${JSON.stringify(runs, undefined, 1)}\n`);
    process.stdout.write(`${index + 1} of ${SCENARIOS.length}: ${scenario.name}\n`);
  }
} finally {
  await world[Symbol.asyncDispose]();
}
