/** Reads the arguments of `npm start`, and derives the ports from them. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface PlatformOptions {
  readonly portBase: number;
  readonly dataDir: string;
  readonly drones: number;
  readonly seed: number;
  /** Simulated seconds per second. */
  readonly speed: number;
  readonly replay: string | undefined;
  /** Everything except the Function App's host, which is started by hand: `func start`, or `npm run host`. */
  readonly serversOnly: boolean;
  /** Services reach Cosmos DB, Event Hubs and storage with tokens over TLS, as in Azure, instead of connection strings. */
  readonly identity: boolean;
  /** Stack traces name lines of the sources; needs about 180 MB more. */
  readonly sourceMaps: boolean;
  /** A debugger may attach to the Functions host and to tracking, see `INSPECTOR_PORTS`. */
  readonly inspect: boolean;
  /** Saved sources are rebuilt, and the parts that run them are restarted. */
  readonly watch: boolean;
  /** The data is removed first. */
  readonly reset: boolean;
}

export const PORTS = {
  gateway: 0,
  functions: 1,
  tracking: 2,
  'event-hubs': 3,
  cosmos: 4,
  storage: 5,
  identity: 6,
  carrier: 7,
  'event-hubs-control': 8,
  'cosmos-control': 9,
  'storage-queue': 10,
  'storage-table': 11,
  'cosmos-tls': 12,
  'storage-tls': 13,
  'storage-queue-tls': 14,
  'storage-table-tls': 15,
} as const;
export type PortName = keyof typeof PORTS;

interface Option {
  /** Name of its value in the help; absent for a switch. */
  readonly value?: string;
  readonly default?: string;
  readonly meaning: string;
}

const OPTIONS: Readonly<Record<string, Option>> = {
  'port-base': { value: 'N', default: '7070', meaning: 'first port; the pages are served there' },
  data: { value: 'DIR', default: '.data', meaning: 'folder of all data' },
  drones: { value: 'N', default: '12', meaning: 'size of the fleet, 1 to 5000' },
  seed: {
    value: 'N',
    default: '1',
    meaning: 'seed of the simulated weather and noise: the same seed gives the same flights',
  },
  speed: { value: 'N', default: '1', meaning: 'simulated seconds per second, 1 to 200' },
  replay: { value: 'FILE', meaning: 'a recorded flight (SRT of a camera, MAVLink log) that drone-1 flies' },
  servers: {
    meaning: 'start everything except the Functions host; start that with func start or npm run host',
  },
  identity: { meaning: 'let services use tokens over TLS, as in Azure, instead of connection strings' },
  'source-maps': { meaning: 'name lines of the sources in stack traces; needs about 180 MB more' },
  inspect: { meaning: 'let a debugger attach to the Functions host (port 9229) and to tracking (9230)' },
  watch: { meaning: 'rebuild saved sources and restart the parts that run them (npm run dev)' },
  reset: { meaning: 'remove the data first' },
};

const inBrackets = ([name, { value, default: standard }]: [string, Option]) =>
  `[--${name}${value ? ` ${standard ?? value}` : ''}]`;
const USAGE = `npm start -- ${Object.entries(OPTIONS).map(inBrackets).join(' ')}`;

/** The text of `--help`. */
export function help(): string {
  const rows = Object.entries(OPTIONS).map(([name, { value, default: standard, meaning }]) => {
    const option = `--${name}${value ? ` ${value}` : ''}`;
    return `  ${option.padEnd(16)}  ${meaning}${standard ? ` (default: ${standard})` : ''}`;
  });
  return `npm start -- [OPTIONS]

Starts the whole system on this machine: the local servers, the services, tracking, the pages and a simulated fleet.
Ctrl-C stops everything; nothing is lost, and the next start continues where this one stopped.

${rows.join('\n')}
  ${'--help'.padEnd(16)}  show this text
`;
}

/** @throws Error with the usage, for unknown arguments */
export function readPlatformOptions(argv: readonly string[]): PlatformOptions {
  let values: Record<string, string | boolean | undefined>;
  const options = Object.entries(OPTIONS).map(([name, { value, default: standard }]) => [
    name,
    value
      ? { type: 'string' as const, ...(standard ? { default: standard } : {}) }
      : { type: 'boolean' as const, default: false },
  ]);
  try {
    ({ values } = parseArgs({ args: [...argv], options: Object.fromEntries(options) }) as {
      values: typeof values;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
  const number = (name: string, least: number, most: number, kind = 'whole number'): number => {
    const text = String(values[name]);
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    const fits = value >= least && value <= most && (kind === 'number' || Number.isInteger(value));
    if (fits) return value;
    throw new Error(`--${name} must be a ${kind} from ${least} to ${most}\n${USAGE}`);
  };
  return {
    portBase: number('port-base', 1024, 65_500),
    dataDir: resolve(String(values['data'])),
    drones: number('drones', 1, 5_000),
    seed: number('seed', 0, 2 ** 31),
    speed: number('speed', 1, 200, 'number'),
    replay: typeof values['replay'] === 'string' ? values['replay'] : undefined,
    serversOnly: values['servers'] === true,
    identity: values['identity'] === true,
    sourceMaps: values['source-maps'] === true,
    inspect: values['inspect'] === true,
    watch: values['watch'] === true,
    reset: values['reset'] === true,
  };
}

/** The default ports of debuggers; `.vscode/launch.json` attaches to them. */
export const INSPECTOR_PORTS: Readonly<Record<string, number>> = { functions: 9229, tracking: 9230 };

/** With an identity, the Event Hubs SDK uses only the standard port of AMQP over TLS: one system with `--identity` at a time. */
export const AMQPS_PORT = 5671;

export function portOf({ portBase }: PlatformOptions, name: PortName): number {
  return portBase + PORTS[name];
}
