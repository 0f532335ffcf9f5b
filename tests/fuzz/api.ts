/**
 * `npm run fuzz:api -- [--requests 100000] [--seed N]`: requests made from the OpenAPI document, sent to the whole system as it starts
 * here. Fails when one is answered 5xx, when a part of the system dies, or when anything of a rejected request is in a data file:
 * every byte of every store, hub, queue and journal is searched for its marker.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as send } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Endpoints } from '../../platform/endpoints.ts';
import { customer } from '../harness/customer.ts';
import { pause, startPlatform } from '../harness/platform.ts';
import { createRandom, seedOf } from '../harness/random.ts';
import {
  createRequests,
  createTally,
  type FuzzRequest,
  markersIn,
  type OpenApiDocument,
} from './api-requests.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string' } },
});
if (values.seed) process.env['SEED'] = values.seed;
const REQUESTS = Number(values.requests);
const AT_ONCE = 16;
const SETTLE_MS = 20_000;
const FINDINGS_SHOWN = 20;
const CALLERS = {
  customer: ['alice', 'tara'],
  'account-admin': ['adam', 'tom'],
  operator: ['olivia'],
  drone: ['drone-1'],
};
/** The limits are not what is tried here. */
const UNLIMITED = Object.fromEntries(
  ['PRINCIPAL', 'OPERATOR', 'ADDRESS'].map((of) => [`LIMIT_REQUESTS_PER_${of}`, '10000000']),
);

const seed = seedOf('fuzz:api');
const run = seed.toString(36);
const dataDir = await mkdtemp(join(tmpdir(), 'fuzz-api-'));
const platform = await startPlatform({
  dataDir,
  speed: 30,
  drones: 12,
  env: { ...UNLIMITED, LIMIT_WRONG_TOKENS_PER_ADDRESS: '10000000', LOG_LEVEL: 'error' },
});
const { gateway, tokens } = platform.endpoints;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const document = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8'),
) as OpenApiDocument;
const alice = customer(platform.endpoints);
const pidsOf = () => {
  const { parts } = JSON.parse(readFileSync(join(dataDir, 'endpoints.json'), 'utf8')) as Endpoints;
  return JSON.stringify(Object.values(parts).map(({ pid }) => pid));
};
const pidsBefore = pidsOf();

const next = createRequests(document, {
  random: createRandom(seed),
  run,
  callers: CALLERS,
  known: {
    // What operators write is an account and a drone of its own: those of the demonstration stay usable.
    accountId: ['fuzzed'],
    droneId: ['fuzzed-drone'],
    ownerId: ['contoso', 'tailwind'],
    userId: ['alice', 'tara', 'adam'],
    deliveryId: [await alice.submit(), await alice.submit()],
    pickupLocation: ['200 Market Street', '500 Kestrel Avenue'],
    dropOffLocation: ['412 Beacon Street', '450 Chestnut Street'],
    size: ['Small', 'Medium'],
    weight: [0.5, 1.2],
  },
});
const tally = createTally();

function pathOf({ path, params, query }: FuzzRequest): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const search = new URLSearchParams(query).toString();
  return search ? `${filled}?${search}` : filled;
}

function exchange(request: FuzzRequest): Promise<{ status: number; text: string }> {
  const token = request.caller === undefined ? undefined : tokens[request.caller];
  return new Promise((resolve, reject) => {
    const sent = send(
      new URL(gateway),
      {
        agent,
        method: request.method,
        path: pathOf(request),
        headers: {
          ...request.headers,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(request.body);
  });
}

let count = 0;
async function worker(): Promise<void> {
  while (count < REQUESTS) {
    const request = next(count);
    count += 1;
    if (count % 10_000 === 0) process.stdout.write(`${count} requests, ${tally.failures.length} failures\n`);
    try {
      const { status, text } = await exchange(request);
      tally.add(request, status, text);
    } catch (error) {
      const { code } = error as { code?: string };
      // A refusal of a body that is too long may close the connection before all of it is sent.
      const isCut = (code === 'EPIPE' || code === 'ECONNRESET') && (request.body?.length ?? 0) > 64 * 1024;
      tally.add(request, isCut ? 413 : 599, String(error));
    }
  }
}

/** Every byte of every data file; logs are no store. */
function stored(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || relative(dataDir, path).startsWith('logs')) continue;
    for (const marker of markersIn(readFileSync(path, 'latin1'), run))
      found.set(marker, relative(dataDir, path));
  }
  return found;
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
await pause(SETTLE_MS);
const pidsAfter = pidsOf();
await platform.stop();
const found = stored();
await rm(dataDir, { recursive: true, force: true });

const leaked = [...found].filter(([marker]) => tally.rejected.has(marker));
const kept = [...found.keys()].filter((marker) => tally.accepted.has(marker)).length;
const statuses = [...tally.statuses]
  .toSorted(([a], [b]) => a - b)
  .map(([status, times]) => `${status}: ${times}`)
  .join(', ');
const findings = [
  ...tally.failures,
  ...leaked.map(([marker, file]) => `${marker} was rejected and is in ${file}`),
  ...(pidsAfter === pidsBefore ? [] : ['a part was restarted']),
  ...(kept > 0 ? [] : ['no marker of an accepted request was found: the search finds nothing']),
];
process.stdout.write(
  `${REQUESTS} requests, seed ${seed}: ${statuses}; ${tally.operations.size} operations accepted one; ` +
    `markers in data files: ${kept} of accepted requests, ${leaked.length} of rejected ones\n`,
);
for (const finding of findings.slice(0, FINDINGS_SHOWN)) process.stdout.write(`  ${finding}\n`);
process.stdout.write(findings.length === 0 ? 'nothing found\n' : `${findings.length} findings\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
