/**
 * Mutation tests: `npm run mutation [FOLDER...]` changes the code of each folder in many small ways, and lists the changes that
 * no unit test notices. Results are kept in .data/mutation, so a second run tests what has changed; `--force` tests all.
 *
 * StrykerJS has a package of its own in this folder, which the first run installs. The run fails when an entry of accepted.json
 * no longer matches a survivor, or a score is below the least one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FOLDERS, type MutatedFolder } from './folders.ts';
import { type Accepted, compareAccepted, type Results, reportOf, score } from './report.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const STRYKER = join(HERE, 'node_modules/@stryker-mutator/core/bin/stryker.js');
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
if (!existsSync(STRYKER)) run('npm', ['ci', '--prefix', HERE, '--no-audit', '--no-fund']);
const accepted = readJsonFile<Accepted[]>(join(HERE, 'accepted.json'));

console.log(
  '| Folder | Mutants | Killed | Survived | of them explained | Score |\n|---|---|---|---|---|---|',
);
const passed = chosen.map(testFolder);
process.exitCode = passed.every(Boolean) ? 0 : 1;

function testFolder(folder: MutatedFolder): boolean {
  const files = globSync([...folder.mutate], { exclude: ['**/*.{test,fixture}.ts'] }).toSorted();
  const report = reportOf(folder.name, mutate(folder, files));
  const { unexplained, stale } = compareAccepted(report.survivors, accepted, new Set(files));
  const survived = report.survivors.length;
  console.log(
    `| ${folder.name} | ${report.killed + survived} | ${report.killed} | ${survived} | ${survived - unexplained.length} | ${score(report).toFixed(1)} % |`,
  );
  for (const entry of stale) console.error(`accepted.json has an entry that matches no survivor: ${entry}`);
  const list = unexplained.map(({ file, line, mutant }) => `${file}:${line}\n  ${mutant}\n`).join('');
  writeFileSync(`${resultsOf(folder)}.survivors.txt`, list);
  return stale.length === 0 && score(report) >= LEAST_SCORE;
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
  const results = readJsonFile<Results>(file);
  for (const each of Object.values(results.files)) {
    each.mutants = each.mutants.filter((mutant) => !mutant.static || mutant.status === 'Killed');
  }
  writeFileSync(file, JSON.stringify(results));
}

function mutate(folder: MutatedFolder, files: readonly string[]): Results {
  const incrementalFile = `${resultsOf(folder)}.json`;
  const fileName = `${resultsOf(folder)}.report.json`;
  const configFile = `${resultsOf(folder)}.config.json`;
  forgetStaticSurvivors(incrementalFile);
  const base = readJsonFile<object>(join(HERE, 'stryker.config.json'));
  const config = { ...base, mutate: files, incrementalFile, jsonReporter: { fileName } };
  writeFileSync(configFile, JSON.stringify(config));
  run(process.execPath, [STRYKER, 'run', configFile, ...(values.force ? ['--force'] : [])], {
    MUTATION_TESTS: folder.tests.join(','),
  });
  return readJsonFile<Results>(fileName);
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 2).join(' ')} ended with ${status}`);
}

function readJsonFile<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}
