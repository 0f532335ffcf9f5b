/** Arguments of `npm start`, and the ports that follow from them. */
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
  /** Everything but the Function App's host, which is started by hand: `func start`, or `npm run host`. */
  readonly serversOnly: boolean;
  /** Services reach Cosmos DB, Event Hubs and storage with tokens over TLS, as in Azure, instead of connection strings. */
  readonly identity: boolean;
  /** Stack traces name the sources' lines; takes about 180 MB more. */
  readonly sourceMaps: boolean;
  /** Begins anew: the data is removed first. */
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

const USAGE = `npm start -- [--port-base 7070] [--data .data] [--drones 12] [--seed 1] [--speed 1] [--replay FILE] [--servers] [--identity] [--source-maps] [--reset]`;

/** @throws Error with the usage for what cannot be understood */
export function readPlatformOptions(argv: readonly string[]): PlatformOptions {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        'port-base': { type: 'string', default: '7070' },
        data: { type: 'string', default: '.data' },
        drones: { type: 'string', default: '12' },
        seed: { type: 'string', default: '1' },
        speed: { type: 'string', default: '1' },
        replay: { type: 'string' },
        servers: { type: 'boolean', default: false },
        identity: { type: 'boolean', default: false },
        'source-maps': { type: 'boolean', default: false },
        reset: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
  const number = (name: string, least: number, most: number): number => {
    const value = Number(values[name]);
    if (Number.isFinite(value) && value >= least && value <= most) return value;
    throw new Error(`--${name} is a number from ${least} to ${most}\n${USAGE}`);
  };
  return {
    portBase: number('port-base', 1024, 65_500),
    dataDir: resolve(String(values['data'])),
    drones: number('drones', 1, 5_000),
    seed: number('seed', 0, 2 ** 31),
    speed: number('speed', 1, 200),
    replay: typeof values['replay'] === 'string' ? values['replay'] : undefined,
    serversOnly: values['servers'] === true,
    identity: values['identity'] === true,
    sourceMaps: values['source-maps'] === true,
    reset: values['reset'] === true,
  };
}

/** With an identity, the SDK of Event Hubs knows no port but that of AMQP over TLS: one system with `--identity` at a time. */
export const AMQPS_PORT = 5671;

export function portOf({ portBase }: PlatformOptions, name: PortName): number {
  return portBase + PORTS[name];
}
