/** Serves the recorded apps by this host and performs their scenarios again, all groups at once; what came is compared step by step. */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const RECORDED = join(import.meta.dirname, '../conformance/recorded');
const HOST = join(import.meta.dirname, '../../functions-host/main.ts');
const KEYS = {
  master: 'the-master-key',
  host: 'the-host-key',
  system: { durabletask_extension: 'the-system-key' },
  functions: {},
};
const run = promisify(execFile);

/** One exchange as it was written down (recorded/README.md). */
export interface Step {
  readonly group: string;
  readonly label: string;
  /** Races on the real host: not compared. */
  readonly unstable?: string;
  readonly onTheRealHost?: string;
  /** What the real host comes to in the end, where it hangs first. */
  readonly eventually?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

interface Mask {
  comparable(step: Step): unknown;
}
const { comparable } = (await import(join(RECORDED, 'lib/mask.mjs'))) as Mask;
export const comparison = comparable;

export function expectedSteps(app: string): readonly Step[] {
  const text = readFileSync(join(RECORDED, 'expected', `${app}.json`), 'utf8');
  return (JSON.parse(text) as { steps: Step[] }).steps;
}

/** It purges what others have terminated meanwhile. */
const ALONE = 'operations';

/** What this host answers, by group and label. */
export async function replay(app: string): Promise<ReadonlyMap<string, Step>> {
  const groups = [...new Set(expectedSteps(app).map(({ group }) => group))];
  const together = groups.filter((group) => group !== ALONE);
  const parts = [together, groups.filter((group) => group === ALONE)].filter(({ length }) => length > 0);
  const steps = (await Promise.all(parts.map((part) => replayGroups(app, part)))).flat();
  return new Map(steps.map((step) => [`${step.group}/${step.label}`, step]));
}

async function replayGroups(app: string, groups: readonly string[]): Promise<readonly Step[]> {
  const dir = mkdtempSync(join(tmpdir(), 'recorded-'));
  const keys = join(dir, 'keys.json');
  writeFileSync(keys, JSON.stringify(KEYS));
  const args = ['--app', join(RECORDED, app), '--port', '0', '--data', join(dir, app), '--keys', keys];
  // Pages of x.test call it: the real host serves any page.
  const host = fork(HOST, args, { silent: true, env: { ...process.env, LOCAL_ALLOWED_HOSTS: 'x.test' } });
  try {
    const [{ port }] = (await once(host, 'message')) as [{ port: number }];
    const { master, host: hostKey, system } = KEYS;
    const parts = groups.map(async (group, index) => {
      const out = join(dir, `${index}.json`);
      await run(process.execPath, [
        join(RECORDED, 'run.mjs'),
        `--base=http://127.0.0.1:${port}`,
        `--master=${master}`,
        `--host-key=${hostKey}`,
        `--system-key=${system.durabletask_extension}`,
        `--app=${app}`,
        `--only=^${group}$`,
        `--prefix=replay${index}x`,
        `--out=${out}`,
      ]);
      return (JSON.parse(readFileSync(out, 'utf8')) as { steps: Step[] }).steps;
    });
    return (await Promise.all(parts)).flat();
  } finally {
    host.kill('SIGTERM');
    if (host.exitCode === null) await once(host, 'exit');
    rmSync(dir, { recursive: true });
  }
}

/** Where the real host never ends, the answer that it is known to come to counts as the same. */
export function endsAlike(part: unknown, whole: unknown): boolean {
  if (part === whole) return true;
  if (!part || !whole || typeof part !== 'object' || typeof whole !== 'object') return false;
  return Object.entries(part).every(([key, value]) =>
    endsAlike(value, (whole as Record<string, unknown>)[key]),
  );
}
