/**
 * Mutation tests: `npm run mutation [FOLDER...]` changes the code of each folder in many small ways and lists the changes that
 * no unit test notices. Results are kept in .data/mutation, so a second run tests what has changed; `--force` tests all.
 *
 * The run fails when an entry of mutation/accepted.json no longer matches a survivor, or a score is below the least one.
 */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { FOLDERS, type MutatedFolder } from './mutation/folders.ts';
import { type Accepted, compareAccepted, type Report, reportOf, score } from './mutation/report.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = '.data/mutation';
const LEAST_SCORE = 92;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { force: { type: 'boolean', default: false } },
});
const chosen = FOLDERS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter((name) => !FOLDERS.some((folder) => folder.name === name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; one of ${FOLDERS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

process.chdir(ROOT);
mkdirSync(RESULTS, { recursive: true });
setPriority(19);
const accepted = JSON.parse(
  readFileSync(join(import.meta.dirname, 'mutation/accepted.json'), 'utf8'),
) as Accepted[];

console.log(
  '| Folder | Mutants | Killed | Survived | of them explained | Score |\n|---|---|---|---|---|---|',
);
let failed = false;
for (const folder of chosen) failed = (await testFolder(folder)) || failed;
process.exitCode = failed ? 1 : 0;

async function testFolder(folder: MutatedFolder): Promise<boolean> {
  const files = globSync([...folder.mutate], { exclude: ['**/*.{test,fixture}.ts'] }).toSorted();
  const report = await mutate(folder, files);
  const { unexplained, stale } = compareAccepted(report.survivors, accepted, new Set(files));
  const total = report.killed + report.survivors.length;
  const survived = report.survivors.length;
  console.log(
    `| ${folder.name} | ${total} | ${report.killed} | ${survived} | ${survived - unexplained.length} | ${score(report).toFixed(1)} % |`,
  );
  for (const entry of stale) console.error(`accepted.json has an entry that matches no survivor: ${entry}`);
  const list = unexplained.map(({ file, line, mutant }) => `${file}:${line}\n  ${mutant}\n`).join('');
  writeFileSync(`${resultsOf(folder)}.survivors.txt`, list);
  return stale.length > 0 || score(report) < LEAST_SCORE;
}

function resultsOf({ name }: MutatedFolder): string {
  return `${RESULTS}/${name.replaceAll('/', '-')}`;
}

/**
 * StrykerJS knows no tests of a mutant in code that runs while a module is loaded, so it keeps such a survivor though a new test
 * would notice it. Forgotten here, it is tested again.
 */
function forgetStaticSurvivors(file: string): void {
  if (!existsSync(file)) return;
  const results = JSON.parse(readFileSync(file, 'utf8')) as {
    files: Record<string, { mutants: { static?: boolean; status: string }[] }>;
  };
  for (const each of Object.values(results.files)) {
    each.mutants = each.mutants.filter((mutant) => !mutant.static || mutant.status === 'Killed');
  }
  writeFileSync(file, JSON.stringify(results));
}

async function mutate(folder: MutatedFolder, files: string[]): Promise<Report> {
  const incrementalFile = `${resultsOf(folder)}.json`;
  forgetStaticSurvivors(incrementalFile);
  process.env.MUTATION_TESTS = folder.tests.join(',');
  const stryker = new Stryker({
    configFile: 'scripts/mutation/stryker.config.json',
    mutate: files,
    incrementalFile,
    force: values.force,
  });
  const mutants = await stryker.runMutationTest();
  const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
  return reportOf(
    folder.name,
    mutants.map((mutant) => ({ ...mutant, fileName: relative(ROOT, mutant.fileName).replaceAll(sep, '/') })),
    sources,
  );
}
