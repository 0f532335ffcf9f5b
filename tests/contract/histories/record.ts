/** `npm run histories`: records the history of every story anew, with the orchestrations as they are now. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWorld } from '../saga.fixture.ts';
import { fileOf, STORIES } from './stories.ts';

const FOLDER = join(import.meta.dirname, 'recorded');

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const world = await startWorld();
try {
  for (const [index, story] of STORIES.entries()) {
    const runs = await story.record(world);
    await writeFile(join(FOLDER, fileOf(story)), `${JSON.stringify(runs, undefined, 1)}\n`);
    process.stdout.write(`${index + 1} of ${STORIES.length}: ${story.name}\n`);
  }
} finally {
  await world[Symbol.asyncDispose]();
}
