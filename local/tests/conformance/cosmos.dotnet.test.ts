/**
 * Microsoft's SDK for .NET, in gateway mode over TLS: `dotnet-cosmos/` is built and run once, each of its cases is a test here.
 * Where there is no .NET SDK, or its packages cannot be had, the tests are skipped and say so.
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
const PROJECT = join(import.meta.dirname, 'dotnet-cosmos/cosmos-client.csproj');
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/dotnet-cosmos');
const BUILD_MS = 180_000;
const RUN_MS = 60_000;

const CASES = [
  'databases and containers are made, read and listed',
  'an item is created, read, replaced, upserted and deleted',
  'errors have the status that the SDK expects: 404, 409, 412',
  'an item is patched, with a condition that holds and one that does not',
  'a transactional batch is all or nothing',
  'a transactional batch takes replaces with etag, patches and deletes',
  'bulk execution writes items of many partitions',
  'a query of one partition takes parameters and goes on by pages',
  'ORDER BY across partitions merges the ranges',
  'ORDER BY across partitions goes on by its continuation token',
  'ORDER BY with many equal keys goes on by its continuation token, in both directions',
  'aggregates by name are merged',
  'aggregates, DISTINCT, GROUP BY, TOP and OFFSET LIMIT across partitions are merged',
  'LINQ is translated to a query',
  'several items are read at once',
  'the change feed gives each item once and goes on by its continuation token',
  'the change feed is divided by feed ranges, and by partition key',
  'the change feed processor takes leases and hands over every change',
  'hierarchical partition keys address items, and prefixes of them queries',
  'an item without its partition key is read with None',
];

const ENVIRONMENT = { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };
const results = new Map<string, string | null>();
let missing: string | undefined;
let folder: string;
let server: CosmosServer | undefined;

/** The program, or why there is none. */
async function build(): Promise<{ readonly program: string } | { readonly reason: string }> {
  try {
    await run('dotnet', ['--version'], { env: ENVIRONMENT });
  } catch {
    return { reason: 'the .NET SDK is not on PATH' };
  }
  const [out, obj] = [join(CACHE, 'out'), `${join(CACHE, 'obj')}/`];
  const folders = [`-p:BaseIntermediateOutputPath=${obj}`, `-p:MSBuildProjectExtensionsPath=${obj}`];
  try {
    await run('dotnet', ['restore', PROJECT, ...folders], { env: ENVIRONMENT, timeout: BUILD_MS });
  } catch {
    return { reason: 'the packages of Microsoft.Azure.Cosmos cannot be had here' };
  }
  const args = ['build', PROJECT, '--no-restore', '-c', 'Release', '-o', out, ...folders];
  await run('dotnet', args, { env: ENVIRONMENT, timeout: BUILD_MS });
  return { program: join(out, 'cosmos-client.dll') };
}

beforeAll(async () => {
  const built = await build();
  if ('reason' in built) {
    missing = built.reason;
    return;
  }
  folder = await mkdtemp(join(tmpdir(), 'cosmos-dotnet-'));
  const authority = openAuthority(join(folder, 'tls'));
  const certificate = join(folder, 'authority.pem');
  await writeFile(certificate, authority.certificate);
  server = await startCosmos({
    port: 0,
    dataDir: join(folder, 'data'),
    tls: authority.issue(),
    partitionRanges: 3,
  });
  const args = [built.program, `https://localhost:${server.tlsPort}/`, server.key, certificate];
  const { stdout } = await run('dotnet', args, { env: ENVIRONMENT, timeout: RUN_MS });
  for (const line of stdout.trim().split('\n')) {
    const { case: name, error } = JSON.parse(line) as { case: string; error: string | null };
    results.set(name, error);
  }
  deepEqual([...results.keys()], CASES);
}, BUILD_MS + RUN_MS);

afterAll(async () => {
  await server?.close();
  if (server) await rm(folder, { recursive: true });
});

describe("cosmos: Microsoft's SDK for .NET", () => {
  for (const name of CASES) {
    test(name, ({ skip }) => {
      skip(missing !== undefined, missing);
      expect(results.has(name)).toBe(true);
      expect(results.get(name)).toBeNull();
    });
  }
});
