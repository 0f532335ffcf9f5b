/**
 * Checks commit messages: `--file FILE` as a commit-msg hook, `--range A..B` in CI.
 *
 * M1 A subject has at most 72 characters and begins with a conventional type: `fix(drone): free a lost drone`.
 * M2 A second line is empty.
 * M3 A change of more than 50 lines has a body that says why.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const MAX_SUBJECT = 72;
const LINES_WITHOUT_BODY = 50;
const SUBJECT = /^(feat|fix|perf|refactor|test|docs|build|ci|chore|revert|merge)(\([a-z0-9,./ -]+\))?!?: \S/;

/** The problems of one message, each as a sentence; none: it is fine. `lines`: added and removed ones of the change. */
export function messageProblems(message: string, lines: number): string[] {
  const text = message.split('\n').filter((line) => !line.startsWith('#'));
  const [subject = '', second = '', ...rest] = text;
  if (/^(Merge|Revert) /.test(subject)) return [];
  const problems: string[] = [];
  if (subject.length > MAX_SUBJECT) {
    problems.push(`The subject has ${subject.length} characters; at most ${MAX_SUBJECT} are allowed.`);
  }
  if (!SUBJECT.test(subject))
    problems.push('The subject does not begin with a type, such as "fix(drone): ".');
  if (second.trim() !== '') problems.push('The second line is not empty.');
  if (lines > LINES_WITHOUT_BODY && rest.join('').trim() === '') {
    problems.push(`The change has ${lines} lines; say in the body why it is made.`);
  }
  return problems;
}

/** Of `git diff --numstat`: text lines added and removed; generated files do not count. */
export function changedLines(numstat: string): number {
  return numstat
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(
      ([, , file = '']) => !/package-lock\.json$|COMPATIBILITY\.md$|\.gen\.ts$|openapi\.json$/.test(file),
    )
    .reduce((sum, [added, removed]) => sum + (Number(added) || 0) + (Number(removed) || 0), 0);
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

function check(values: { file?: string; range?: string }): string[] {
  if (values.file !== undefined) {
    const lines = changedLines(git('diff', '--cached', '--numstat'));
    return messageProblems(readFileSync(values.file, 'utf8'), lines);
  }
  const commits = git('rev-list', '--no-merges', values.range ?? 'HEAD~1..HEAD')
    .trim()
    .split('\n');
  return commits.filter(Boolean).flatMap((commit) => {
    const lines = changedLines(git('show', '--numstat', '--format=', commit));
    const problems = messageProblems(git('show', '-s', '--format=%B', commit), lines);
    return problems.map((problem) => `${commit.slice(0, 9)}: ${problem}`);
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { file: { type: 'string' }, range: { type: 'string' } } });
  const problems = check(values);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
