/** Lists the parts of the platform: the process that each runs, with its arguments and settings, in the order of their start. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import { type PartSpec, SMALL } from './launch.ts';
import { INSPECTOR_PORTS, type PlatformOptions, type PortName, portOf } from './options.ts';
import { OUT, type ProcessName, processFile } from './process-files.ts';
import {
  type Addresses,
  appSettings,
  brokerConfig,
  cosmosConfig,
  type IdentityMode,
  simulatorSettings,
  supportConfig,
  trackingSettings,
} from './settings.ts';

export const IS_BUNDLE = !import.meta.filename.endsWith('.ts');
export const ROOT = resolve(import.meta.dirname, IS_BUNDLE ? '../../..' : '..');
export const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compile');
/** Parts whose memory counts more than their speed. */
const LIGHT: ReadonlySet<ProcessName> = new Set(['support', 'tracking', 'simulator', 'event-hubs', 'cosmos']);
/** The HTTP port of each part: one that accepts connections but does not answer hangs. */
const PROBED: Readonly<Record<PartName, PortName>> = {
  'event-hubs': 'event-hubs-control',
  cosmos: 'cosmos',
  support: 'gateway',
  functions: 'functions',
  tracking: 'tracking',
  simulator: 'carrier',
};
/** A process that runs as long as the platform. */
type PartName = Exclude<ProcessName, 'platform' | 'prepare-database' | 'prepare-demo'>;

export interface Topology {
  readonly servers: readonly PartSpec[];
  readonly services: readonly PartSpec[];
  readonly clients: readonly PartSpec[];
}

export function topology(
  options: PlatformOptions,
  data: DataFolder,
  addresses: Addresses,
  identity?: IdentityMode,
): Topology {
  const dir = (name: string) => join(data.path, name);
  const port = (name: PortName) => String(portOf(options, name));
  const file = (name: string, content: unknown) => {
    const path = join(data.path, `${name}.config.json`);
    writeFileSync(path, JSON.stringify(content, null, 2), { mode: 0o600 });
    return path;
  };
  const part = (name: PartName, args: string[], env: Record<string, string> = {}): PartSpec => ({
    name,
    probePort: portOf(options, PROBED[name]),
    isSlow: name === 'simulator',
    entry: processFile(ROOT, name),
    args,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    flags: [
      ...(LIGHT.has(name) ? SMALL : []),
      ...(options.sourceMaps ? ['--enable-source-maps'] : []),
      ...(options.inspect && INSPECTOR_PORTS[name] ? [`--inspect=127.0.0.1:${INSPECTOR_PORTS[name]}`] : []),
    ],
  });
  const support = supportConfig(options, data, addresses, join(ROOT, OUT, 'web'), identity);
  const broker = [
    '--config',
    file('event-hubs', brokerConfig(addresses, identity)),
    '--control-port',
    port('event-hubs-control'),
  ];
  const replay = options.replay ? ['--replay', options.replay] : [];
  const speed = ['--speed', String(options.speed)];
  const simulated = simulatorSettings(options, data, addresses);
  return {
    servers: [
      part('event-hubs', ['--port', port('event-hubs'), '--data', dir('event-hubs'), ...broker]),
      part('cosmos', [
        '--port',
        port('cosmos'),
        '--data',
        dir('cosmos'),
        '--control-port',
        port('cosmos-control'),
        ...(identity ? ['--config', file('cosmos', cosmosConfig(options, addresses, identity))] : []),
      ]),
      part('support', ['--config', file('support', support)]),
    ],
    services: [
      ...(options.serversOnly
        ? []
        : [
            part(
              'functions',
              ['--app', ROOT, '--port', port('functions'), '--data', dir('host')],
              appSettings(options, addresses, data, identity),
            ),
          ]),
      part('tracking', [], trackingSettings(options, addresses, data, identity)),
    ],
    clients: [
      part(
        'simulator',
        [
          '--drones',
          String(options.drones),
          '--seed',
          String(options.seed),
          '--data',
          dir('simulator'),
          ...speed,
          ...replay,
        ],
        simulated,
      ),
    ],
  };
}
