/** Microsoft's .NET SDK against the broker, over TLS: another implementation of the protocol. Skipped where there is no `dotnet`. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAuthority } from '../../certificates.ts';
import { partitionOf } from '../../event-hubs/hash.ts';
import { createTokenVerifier } from '../../event-hubs/tokens.ts';
import { startIdentity } from '../../identity/server.ts';
import { startHarness } from '../support/event-hubs.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, 'dotnet-event-hubs');
/** Kept between runs: a build takes long. */
const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/dotnet-event-hubs');
const AUDIENCE = 'https://eventhubs.azure.net';
const HUB = 'telemetry';
const DOTNET_MAJOR = 10;
const LONG_MS = 240_000;

/** Why nothing can be tried; undefined: it can. */
function obstacle(): string | undefined {
  const { stdout: version } = spawnSync('dotnet', ['--version'], { encoding: 'utf8' });
  const isThere = Number.parseInt(version, 10) >= DOTNET_MAJOR;
  return isThere ? undefined : `there is no dotnet ${DOTNET_MAJOR} on PATH`;
}

let missing: string | undefined;
const outcomes = new Map<string, string | null>();
let folder: string | undefined;

beforeAll(async () => {
  missing = obstacle();
  if (missing) return;
  folder = await mkdtemp(join(tmpdir(), 'event-hubs-dotnet-'));
  const authority = openAuthority(join(folder, 'tls'));
  await using identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: [AUDIENCE],
    principals: [{ id: 'service', name: 'service', roles: [] }],
  });
  await using harness = await startHarness(
    { [HUB]: { partitions: 4 } },
    {
      tls: authority.issue(),
      verifyToken: createTokenVerifier({
        issuer: identity.issuer,
        audience: AUDIENCE,
        roles: { service: { [HUB]: 'sender' } },
      }),
    },
  );
  const output = join(CACHE, 'bin');
  const env = { ...process.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };
  const folders = [
    `-p:BaseIntermediateOutputPath=${CACHE}/obj/`,
    `-p:MSBuildProjectExtensionsPath=${CACHE}/obj/`,
  ];
  await run('dotnet', ['build', PROJECT, '--nologo', '-v', 'q', '-c', 'Release', '-o', output, ...folders], {
    env,
  });
  const plain = harness.connection();
  const overTls = plain
    .replace(`127.0.0.1:${harness.server.port}`, `localhost:${harness.server.tlsPort}`)
    .replace(';UseDevelopmentEmulator=true', '');
  const token = await identity.tokenFor('service', { audience: AUDIENCE });
  const program = join(output, 'event-hubs-client.dll');
  const { stdout, stderr } = await run(
    'dotnet',
    [program, plain, overTls, authority.file, token, HUB, String(partitionOf('drone-7', 4))],
    { env: { ...env, SSL_CERT_FILE: authority.file } },
  );
  process.stdout.write(stderr);
  for (const line of stdout.trim().split('\n')) {
    const { name, error } = JSON.parse(line) as { name: string; error: string | null };
    outcomes.set(name, error);
  }
}, LONG_MS);

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true });
});

describe('event-hubs: Microsoft’s .NET SDK', () => {
  test.for([
    ['properties', 'reads the properties of a hub and of an empty partition'],
    ['batch', 'sends a batch and reads it with all of its properties'],
    ['key', 'finds an event with a key in the key’s partition'],
    ['positions', 'reads from sequence numbers, offsets and times, inclusive or not'],
    ['latest', 'waits at the latest position for what comes'],
    ['metric', 'is told the last event of a partition'],
    ['epochs', 'loses a partition to a higher epoch'],
    ['buffered', 'sends through an idempotent buffered producer, in order'],
    ['large', 'sends 900,000 bytes, and is refused 1,100,000'],
    ['refusals', 'is refused a wrong key and a hub that is not there, with the SDK’s own exceptions'],
    ['token', 'sends with an Entra token'],
    ['emulator', 'sends without TLS, with the emulator’s connection string'],
    ['websockets', 'sends and reads over WebSockets'],
    [
      'websockets-emulator',
      'sends and reads over WebSockets without TLS, with the emulator’s connection string',
    ],
    ['speed', 'sends and reads ten thousand events in order'],
  ])('%s: %s', ([name = ''], { skip }) => {
    skip(missing !== undefined, missing);
    expect(outcomes.get(name)).toBe(null);
  });
});
