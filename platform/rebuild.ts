/**
 * Rebuilds the bundles whenever a source is saved, and tells its parent which files have changed. `npm run dev` runs it
 * beside the platform. Argument: the root of the repository.
 *
 * R1 A round of builds with an error changes no file; the next round builds the same bundles again.
 * R2 Saves during a round lead to one more round.
 * R3 Only bundles that have a saved file among their inputs are built.
 */
import { globSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { context } from 'esbuild';
import { type OutputFile, type Touched, touchedBy, writeChanged } from './build-outputs.ts';
import { functionsBundle, pageBundles, processBundles } from './bundles.ts';
import { OUT } from './process-files.ts';

/** Sent to the parent after each round. */
export type BuildReport =
  | { readonly type: 'built'; readonly savedAt: number; readonly touched: Touched }
  | { readonly type: 'failed'; readonly message: string };

const FOLDERS = ['functions', 'shared', 'tracking', 'simulator', 'platform', 'local', 'web'];
const SOURCE = /\.(ts|tsx|css|html|json|svg)$/;
/** Folders that a build or an installation creates. */
const MADE: readonly string[] = ['dist', 'node_modules'];
/** An editor saves a file in several steps, and a tool several files at once. */
const QUIET_MS = 40;

/** Builds the bundles that the saved files concern. @throws Error with esbuild's messages */
type BuildRound = (saved: ReadonlySet<string>) => Promise<OutputFile[]>;

async function createRounds(root: string): Promise<BuildRound> {
  const kinds = [processBundles(root), functionsBundle(root), pageBundles(root)];
  const bundles = await Promise.all(
    kinds.map(async (options) => ({
      context: await context({
        ...options,
        absWorkingDir: root,
        write: false,
        metafile: true,
        logLevel: 'silent',
      }),
      /** Relative to the root; undefined until a round has succeeded. */
      inputs: undefined as readonly string[] | undefined,
    })),
  );
  return async (saved) => {
    const stale = bundles.filter(({ inputs }) => !inputs || inputs.some((input) => saved.has(input)));
    for (const bundle of stale) bundle.inputs = undefined;
    const results = await Promise.allSettled(stale.map((bundle) => bundle.context.rebuild()));
    const failures = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join('\n'));
    return results.flatMap((one, index) => {
      if (one.status === 'rejected') return [];
      const bundle = stale[index];
      if (bundle) bundle.inputs = Object.keys(one.value.metafile?.inputs ?? {});
      return one.value.outputFiles ?? [];
    });
  };
}

function staticFiles(root: string): OutputFile[] {
  const from = join(root, 'web/static');
  return globSync('**/*.*', { cwd: from }).map((file) => ({
    path: join(root, OUT, 'web', file),
    contents: readFileSync(join(from, file)),
  }));
}

/** Folder by folder: a recursive watch on Linux loses a file that an editor has replaced by a new one. */
function watchFolder(folder: string, saved: (path: string) => void): void {
  const watched = new Set<string>();
  const enter = () => {
    const folders = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !MADE.includes(entry.name) ? [entry.name] : [],
    );
    for (const name of watched) if (!folders.includes(name)) watched.delete(name);
    for (const name of folders) {
      if (watched.has(name)) continue;
      watched.add(name);
      watchFolder(join(folder, name), saved);
    }
  };
  const watcher = watch(folder, (_, file) => {
    if (file !== null && SOURCE.test(file)) return saved(join(folder, file));
    try {
      enter();
    } catch {
      // The folder was removed.
      watcher.close();
    }
  });
  enter();
}

async function rebuildOnSave(root: string, report: (report: BuildReport) => void): Promise<void> {
  const build = await createRounds(root);
  const saved = new Set<string>();
  // Files that were saved since the platform's build count, too.
  let savedAt: number | undefined = Date.now();
  let isBuilding = false;
  const buildRounds = async () => {
    if (isBuilding) return;
    isBuilding = true;
    while (savedAt !== undefined) {
      await pause(QUIET_MS);
      const since = savedAt;
      const files = new Set(saved);
      savedAt = undefined;
      saved.clear();
      try {
        const changed = writeChanged([...(await build(files)), ...staticFiles(root)]);
        report({ type: 'built', savedAt: since, touched: touchedBy(root, changed) });
      } catch (error) {
        report({ type: 'failed', message: (error as Error).message });
      }
    }
    isBuilding = false;
  };
  for (const folder of FOLDERS) {
    watchFolder(join(root, folder), (path) => {
      saved.add(relative(root, path).replaceAll('\\', '/'));
      savedAt ??= Date.now();
      void buildRounds();
    });
  }
  await buildRounds();
}

process.once('disconnect', () => process.exit());
const [root] = process.argv.slice(2);
if (root) await rebuildOnSave(root, (report) => process.send?.(report));
