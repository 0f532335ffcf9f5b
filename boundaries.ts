/**
 * The rooms of this repository, and the imports between them. Lint, the graph in docs/architecture.md and the tests of
 * both are computed from this table (scripts/lint/).
 *
 * A file belongs to the first room with a pattern that matches; a file without a room is an error. It may import its own
 * room, the rooms in `imports`, and the rooms in `types` as types only.
 */
import { SERVICES } from './shared/service-names.ts';

export interface Room {
  readonly name: string;
  readonly files: readonly string[];
  readonly imports: readonly string[];
  readonly types?: readonly string[];
  /** Code that Durable Functions replays: no clock, no randomness, no I/O. */
  readonly pure?: true;
  /** Reads external input with shared/read.ts only. */
  readonly reader?: true;
}

const room = (
  name: string,
  files: string | readonly string[],
  imports: readonly string[],
  more?: Partial<Room>,
) => ({ name, files: [files].flat(), imports, ...more }) as Room;
/** A room of the product. */
const part: typeof room = (name, files, imports, more) =>
  room(name, files, imports, { reader: true, ...more });

const SERVICE_ROOMS = SERVICES.map((name) => `functions/${name}`);
const BASICS = ['shared', 'shared/contracts/common', 'shared/config', 'shared/auth', 'shared/client'];
const FLOORS = [...BASICS, 'shared/http', 'shared/contracts', 'shared/geo'];
const ADAPTED = [
  ...FLOORS,
  'shared/cosmos',
  'shared/messaging',
  'shared/outbound',
  'shared/outbox',
  'shared/saga',
  'shared/saga/core',
];
const SHARED = [...ADAPTED, 'shared/functions'];
const LOCAL = ['local', 'local/event-hubs', 'local/cosmos', 'local/durable', 'local/functions-host'];
const SERVERS = [...LOCAL, 'local/identity', 'local/storage'];
const PRODUCT = [...SHARED, ...SERVICE_ROOMS, 'functions', 'tracking', 'web', 'simulator'];

export const ROOMS: readonly Room[] = [
  // Tests and their support code, which lies in local/tests/support: only tests import them.
  room('local/tests', ['local/**/*.{test,bench}.ts', 'local/tests/**'], SERVERS),
  room(
    'tests',
    ['**/*.{test,fixture,bench}.{ts,tsx}', 'tests/**', '*/test/**'],
    [...PRODUCT, 'functions/scheduler/orchestrations', 'platform', 'scripts'],
  ),
  // The code that is replayed.
  part(
    'shared/saga/core',
    'shared/saga/{protocol,define-saga,attempt,signals,saga-context,compensation}.ts',
    ['shared'],
    { pure: true },
  ),
  part(
    'functions/scheduler/orchestrations',
    'functions/scheduler/{*.orchestration,deliver,delivery-saga,workflow-context,{follow,recall}-*,customer-requests,compensate,interruptions,domain}.ts',
    ['shared', 'shared/saga/core'],
    {
      types: ['functions/scheduler', 'shared/contracts/common', 'shared/contracts', 'shared/saga'],
      pure: true,
    },
  ),
  // Services: each knows the others by their contracts only.
  part('functions/scheduler', 'functions/scheduler/**', [...SHARED, 'functions/scheduler/orchestrations']),
  ...SERVICES.map((name) => part(`functions/${name}`, `functions/${name}/**`, SHARED)),
  part('functions', 'functions/*.ts', [...SHARED, ...SERVICE_ROOMS]),
  // shared/, from the ground floor up.
  part('shared', ['shared/*.ts', 'shared/telemetry/**'], []),
  part('shared/config', 'shared/config/**', ['shared']),
  part('shared/contracts/common', 'shared/contracts/common.ts', ['shared']),
  // Pages load it, too, so it gets types only.
  room('shared/client', ['shared/http/api-client.ts', 'shared/contracts/routes.gen.ts'], [], {
    types: ['shared/http', 'shared/contracts'],
  }),
  part('shared/auth', 'shared/auth/**', ['shared', 'shared/contracts/common']),
  part('shared/http', 'shared/http/**', ['shared', 'shared/contracts/common', 'shared/auth']),
  part('shared/contracts', 'shared/contracts/**', ['shared', 'shared/contracts/common', 'shared/http']),
  part('shared/geo', 'shared/geo/**', ['shared', 'shared/contracts/common', 'shared/contracts']),
  part('shared/cosmos', 'shared/cosmos/**', ['shared', 'shared/config']),
  part('shared/messaging', 'shared/messaging/**', ['shared', 'shared/config']),
  part('shared/outbound', 'shared/outbound/**', ['shared']),
  part('shared/outbox', 'shared/outbox/**', ['shared', 'shared/contracts', 'shared/messaging']),
  part('shared/saga', 'shared/saga/**', ['shared', 'shared/saga/core', 'shared/cosmos']),
  part('shared/functions', 'shared/functions/**', ADAPTED),
  // The other parts of the product.
  room('tracking', 'tracking/**', [...FLOORS, 'shared/messaging']),
  part('simulator', 'simulator/**', FLOORS),
  room('web', 'web/**', ['shared/geo', 'shared/client'], {
    types: ['shared', 'shared/contracts/common', 'shared/contracts', 'shared/http'],
  }),
  // The package of local servers: they do not know the product, and share local/*.ts.
  room('local/functions-host', 'local/functions-host/**', ['local', 'local/durable']),
  room('local/durable', 'local/durable/**', ['local'], { types: ['local/functions-host'] }),
  room('local/identity', 'local/identity/**', ['local']),
  room('local/event-hubs', 'local/event-hubs/**', ['local']),
  room('local/cosmos', 'local/cosmos/**', ['local']),
  room('local/storage', 'local/storage/**', ['local']),
  room('local', 'local/*.ts', []),
  // What starts, builds and checks the whole.
  room('platform', 'platform/**', PRODUCT),
  room(
    'scripts',
    ['scripts/**', '*.ts'],
    [...PRODUCT, 'functions/scheduler/orchestrations', 'platform', 'tests'],
  ),
];

export interface PackageRule {
  /** Names, or prefixes that end in `:` or `/`. */
  readonly packages: readonly string[];
  readonly forbiddenIn: readonly string[];
  readonly except?: readonly string[];
  readonly typesAllowed?: true;
  readonly reason: string;
}

export const PACKAGE_RULES: readonly PackageRule[] = [
  {
    packages: ['@azure/functions', 'durable-functions'],
    forbiddenIn: ['{functions,shared,tracking,web,simulator,platform}/**'],
    except: ['functions/*/*.functions.ts', 'functions/*.ts', 'shared/functions/**'],
    typesAllowed: true,
    reason: 'only *.functions.ts and shared/functions/ register functions; take it as a parameter',
  },
  {
    packages: ['azure-local/'],
    forbiddenIn: ['{functions,shared,tracking,web,simulator,local}/**'],
    reason: 'the product does not know the servers that it runs on',
  },
  { packages: ['@azure/functions-core'], forbiddenIn: ['**'], reason: 'it exists only inside the host' },
  {
    packages: ['node:', '@azure/', 'pino', 'jose', 'ws', 'zod'],
    forbiddenIn: ['web/**', ...ROOMS.filter(({ pure }) => pure).flatMap(({ files }) => files)],
    typesAllowed: true,
    reason: 'pages and orchestrations do no I/O through libraries',
  },
];
