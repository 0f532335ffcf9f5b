/**
 * Microsoft's SDK for Python, over TLS: `python-cosmos/client.py` is run once, each of its cases is a test here. It is written
 * for version 3, which Debian packages as python3-azure-cosmos; where that is not installed the tests are skipped and say so.
 */
import { deepEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAuthority } from '../../certificates.ts';
import { type CosmosServer, startCosmos } from '../../cosmos/server.ts';

const run = promisify(execFile);
const PROGRAM = join(import.meta.dirname, 'python-cosmos/client.py');
const INTERPRETERS = ['/usr/bin/python3', 'python3'];
const RUN_MS = 60_000;

const CASES = [
  'databases and containers are made, read and listed',
  'an item is created, read, replaced, upserted and deleted',
  'errors have the status that the SDK expects: 404, 409, 412',
  'a query of one partition takes parameters and goes on by pages',
  'ORDER BY across partitions merges the ranges',
  'aggregates and TOP across partitions are merged',
  'the feed of all items goes on by pages',
  'the change feed of each range gives each item once and goes on by its continuation',
];

const results = new Map<string, string | null>();
let interpreter: string | undefined;
let folder: string;
let server: CosmosServer | undefined;

async function findInterpreter(): Promise<string | undefined> {
  for (const candidate of INTERPRETERS) {
    const found = await run(candidate, ['-W', 'ignore', PROGRAM]).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return undefined;
}

beforeAll(async () => {
  interpreter = await findInterpreter();
  if (interpreter === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'cosmos-python-'));
  const authority = openAuthority(join(folder, 'tls'));
  const certificate = join(folder, 'authority.pem');
  await writeFile(certificate, authority.certificate);
  server = await startCosmos({
    port: 0,
    dataDir: join(folder, 'data'),
    tls: authority.issue(),
    partitionRanges: 3,
  });
  const args = ['-W', 'ignore', PROGRAM, `https://localhost:${server.tlsPort}/`, server.key, certificate];
  const { stdout } = await run(interpreter, args, { timeout: RUN_MS });
  for (const line of stdout.trim().split('\n')) {
    const { case: name, error } = JSON.parse(line) as { case: string; error: string | null };
    results.set(name, error);
  }
  deepEqual([...results.keys()], CASES);
}, RUN_MS);

afterAll(async () => {
  await server?.close();
  if (server) await rm(folder, { recursive: true });
});

describe("cosmos: Microsoft's SDK for Python", () => {
  for (const name of CASES) {
    test(name, ({ skip }) => {
      skip(interpreter === undefined, 'python3-azure-cosmos (version 3) is not installed');
      expect(results.has(name)).toBe(true);
      expect(results.get(name)).toBeNull();
    });
  }
});
