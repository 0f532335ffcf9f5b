/** The platform's side of `npm run dev`: restarts the parts whose bundle has changed. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Part } from './part.ts';
import type { BuildReport } from './rebuild.ts';

/** @param parts in the order in which they start */
export function followBuilds(root: string, parts: readonly Part[], say: (line: string) => void): Disposable {
  const builder = fork(join(root, 'platform/rebuild.ts'), [root], { execArgv: [] });
  let isStopping = false;
  let queue = Promise.resolve();
  builder.on('message', (report: BuildReport) => {
    queue = queue.then(() => (isStopping ? undefined : apply(report, parts, say)));
  });
  builder.once('exit', (code, signal) => {
    if (!isStopping)
      say(`the builder ended (${signal ?? `exit code ${code}`}): saved sources are no longer rebuilt`);
  });
  say('watching: saved sources will be rebuilt, and their parts restarted');
  return {
    [Symbol.dispose]: () => {
      isStopping = true;
      builder.kill();
    },
  };
}

async function apply(
  report: BuildReport,
  parts: readonly Part[],
  say: (line: string) => void,
): Promise<void> {
  if (report.type === 'failed') {
    say(`build failed; the previous one goes on running:\n${report.message}`);
    return;
  }
  const { savedAt, touched } = report;
  const seconds = () => `${((Date.now() - savedAt) / 1000).toFixed(1)} s`;
  const restarted = parts.filter(({ name }) => touched.processes.includes(name));
  try {
    for (const part of restarted) await part.restart();
    const names = restarted.map(({ name }) => name).join(', ');
    if (names) say(`${names} rebuilt and restarted in ${seconds()}`);
  } catch (error) {
    say((error as Error).message);
  }
  if (touched.pages) say(`pages rebuilt in ${seconds()}`);
  if (touched.processes.includes('platform'))
    say('the platform itself has changed: restart it to use the change');
}
