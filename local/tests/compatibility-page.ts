/**
 * The page that says what the local servers do and don't, made of the titles of the tests that show it: `describe('<server>:
 * <section>')`, a statement for each test; `differs: …` and `not supported: …` where the real service does otherwise.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const SERVERS = {
  cosmos: 'Cosmos DB (`cosmos`)',
  'event-hubs': 'Event Hubs (`event-hubs`)',
  'functions-host': 'Functions host (`functions-host`)',
  durable: 'Durable Functions (`durable`)',
} as const;
type ServerName = keyof typeof SERVERS;
/** Where the test runner's configuration is. */
const REPOSITORY = join(import.meta.dirname, '../..');

export interface ConformanceTest {
  readonly server: ServerName;
  readonly section: string;
  readonly statement: string;
}

/** Collects the tests without running them. @throws Error with what vitest said, or naming a test that belongs to no server */
export async function listConformanceTests(): Promise<ConformanceTest[]> {
  const folder = await mkdtemp(join(tmpdir(), 'compatibility-'));
  const file = join(folder, 'list.json');
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const where = ['--project', 'conformance', join(import.meta.dirname, 'conformance')];
  const { VITEST: _, ...env } = process.env;
  try {
    await promisify(execFile)(
      process.execPath,
      [vitest, 'list', '--no-static-parse', `--json=${file}`, ...where],
      { cwd: REPOSITORY, env },
    );
    const tests = JSON.parse(await readFile(file, 'utf8')) as { name: string; file: string }[];
    // Files come in the order in which they were read; within one, tests keep theirs.
    return tests
      .toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))
      .map(({ name }) => read(name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function read(name: string): ConformanceTest {
  const [, server = '', section = '', statement = ''] = /^([a-z-]+): (.+?) > (.+)$/s.exec(name) ?? [];
  if (!Object.hasOwn(SERVERS, server)) {
    throw new Error(`a conformance test is in a describe('<server>: <section>'), which this is not: ${name}`);
  }
  return { server: server as ServerName, section, statement };
}

/** The whole page. */
export function compatibilityPage(tests: readonly ConformanceTest[]): string {
  const counts = Object.entries(SERVERS).map(
    ([server, title]) => `| ${title} | ${tests.filter((test) => test.server === server).length} |`,
  );
  return `<!-- Made by \`npm run compatibility\` from the titles in tests/conformance: change those. -->

# What the local servers do, and what they don't

Each line is a test in \`tests/conformance\`, driven through Microsoft's own SDKs or, for the Functions host, compared with what a real host
answered. What is not here was not shown. What is not supported answers an error that says so, never a wrong result.

| Server | Cases |
|---|---|
${counts.join('\n')}

No Cosmos DB account and no Event Hubs namespace of Azure's were within reach: there the measure is the SDKs, Microsoft's reference and its examples.
For the host and Durable Functions it is 411 recorded exchanges with a real host (4.1037.0, Durable extension 3.14.1).

${Object.entries(SERVERS)
  .map(([server, title]) =>
    serverPart(
      title,
      tests.filter((test) => test.server === server),
    ),
  )
  .join('\n')}`;
}

const DIFFERS = 'differs: ';
const UNSUPPORTED = 'not supported: ';

function serverPart(title: string, tests: readonly ConformanceTest[]): string {
  const marked = (mark: string) =>
    tests
      .filter(({ statement }) => statement.includes(mark))
      .map(({ statement }) => statement.slice(statement.indexOf(mark) + mark.length));
  const works = tests.filter(
    ({ statement }) => !statement.includes(DIFFERS) && !statement.includes(UNSUPPORTED),
  );
  const sections = [...Map.groupBy(works, ({ section }) => section)]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([section, some]) =>
      sectionPart(
        section,
        some.map(({ statement }) => statement),
      ),
    );
  return `## ${title}

### Differs

${bullets(marked(DIFFERS))}
### Not supported

${bullets(marked(UNSUPPORTED))}
### Works

${sections.join('\n')}`;
}

function sectionPart(section: string, statements: readonly string[]): string {
  const summary = `<details><summary>${section} (${statements.length})</summary>`;
  if (section.startsWith('as recorded'))
    return `${summary}\n\nEach answered as the real host did.\n\n</details>\n`;
  const functions = Map.groupBy(
    statements,
    (statement) => /^([A-Z_0-9]{2,})\(.*\) is /s.exec(statement)?.[1],
  );
  const names = [...functions].flatMap(([name, some]) => (name ? [`\`${name}\` (${some.length})`] : []));
  const examples = names.length > 0 ? `With the reference's values: ${names.join(', ')}.\n\n` : '';
  return `${summary}\n\n${examples}${bullets(functions.get(undefined) ?? [])}\n</details>\n`;
}

function bullets(statements: readonly string[]): string {
  if (statements.length === 0) return '';
  return `${[...new Set(statements)].map((statement) => `- ${escape(statement)}`).join('\n')}\n`;
}

/** A title is plain text: nothing of it is markup. */
function escape(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[<>]/g, (character) => (character === '<' ? '&lt;' : '&gt;'))
    .replace(/([*_`|[\]])/g, '\\$1');
}
