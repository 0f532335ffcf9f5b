/** Microsoft's Python SDK against the broker, over TLS. Skipped where it is not installed, or where its one port, 5671, is taken. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { openAuthority } from '../../certificates.ts';
import { partitionOf } from '../../event-hubs/hash.ts';
import { createTokenVerifier } from '../../event-hubs/tokens.ts';
import { startIdentity } from '../../identity/server.ts';
import { ROOT, startHarness } from '../support/event-hubs.ts';

const run = promisify(execFile);
const PROGRAM = resolve(import.meta.dirname, 'python-event-hubs/client.py');
const AUDIENCE = 'https://eventhubs.azure.net';
const HUB = 'telemetry';
/** The SDK connects to no other. */
const PORT = 5671;
const LONG_MS = 60_000;

/** The Python that has the SDK. */
const pythonWithSdk = () =>
  ['python3', '/usr/bin/python3'].find(
    (each) => spawnSync(each, ['-c', 'import azure.eventhub']).status === 0,
  );

const isFree = () =>
  new Promise<boolean>((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(PORT, '127.0.0.1', () => probe.close(() => done(true)));
  });

const WORKS = [
  ['properties', 'reads the properties of a hub and of an empty partition'],
  ['batch', 'sends a batch and reads it with all of its properties'],
  ['key', 'finds an event with a key in the key’s partition'],
  ['positions', 'reads from sequence numbers, offsets and times, inclusive or not'],
  ['metric', 'reads with the metric of a partition'],
  ['epochs', 'loses a partition to a higher epoch'],
  ['refusals', 'is refused a wrong key and a hub that is not there'],
  ['by_token', 'sends with an Entra token'],
  ['many', 'sends and reads five thousand events in order'],
] as const;

describe('event-hubs: Microsoft’s Python SDK', () => {
  const outcomes = new Map<string, string | null>();
  /** Why nothing can be tried; undefined: it can. */
  let missing: string | undefined;

  beforeAll(async () => {
    const python = pythonWithSdk();
    if (!python) missing = 'there is no azure-eventhub for python3';
    else if (!(await isFree())) missing = `port ${PORT} is taken`;
    if (!python || missing) return;
    const folder = await mkdtemp(join(tmpdir(), 'event-hubs-python-'));
    const authority = openAuthority(join(folder, 'tls'));
    await using identity = await startIdentity({
      port: 0,
      dataDir: join(folder, 'identity'),
      clients: [],
      resources: [AUDIENCE],
      principals: [{ id: 'service', name: 'service', roles: [] }],
    });
    const verifyToken = createTokenVerifier({
      issuer: identity.issuer,
      audience: AUDIENCE,
      roles: { service: { [HUB]: 'sender' } },
    });
    const token = await identity.tokenFor('service', { audience: AUDIENCE });
    const connection = `Endpoint=sb://localhost;SharedAccessKeyName=${ROOT.name};SharedAccessKey=${ROOT.key}`;
    await using _harness = await startHarness(
      { [HUB]: { partitions: 4 } },
      { tls: { ...authority.issue(), port: PORT }, verifyToken },
    );
    const { stdout } = await run(python, [
      PROGRAM,
      connection,
      authority.file,
      token,
      HUB,
      String(partitionOf('drone-7', 4)),
    ]);
    for (const line of stdout.trim().split('\n')) {
      const { name, error } = JSON.parse(line) as { name: string; error: string | null };
      outcomes.set(name, error);
    }
    await rm(folder, { recursive: true });
  }, LONG_MS);

  test.for(WORKS)('%s: %s', ([name], { skip }) => {
    skip(missing !== undefined, missing);
    expect(outcomes.get(name)).toBe(null);
  });
});
