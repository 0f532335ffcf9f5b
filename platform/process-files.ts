/** The module that each process of the platform runs, before and after the build. */
import { join } from 'node:path';

/** Files of this repository, and modules of the package azure-local. */
export const PROCESSES = {
  platform: 'platform/platform.ts',
  'event-hubs': 'azure-local/event-hubs/main',
  cosmos: 'azure-local/cosmos/main',
  support: 'platform/support.ts',
  functions: 'azure-local/functions-host/main',
  tracking: 'tracking/main.ts',
  simulator: 'simulator/main.ts',
  'prepare-database': 'platform/prepare-database.ts',
  'prepare-demo': 'platform/prepare-demo.ts',
} as const;
export type ProcessName = keyof typeof PROCESSES;

/** The folder of the build's output for this machine. */
export const OUT = 'platform/dist';

export function processFile(root: string, name: ProcessName): string {
  return join(root, OUT, 'processes', `${name}.mjs`);
}
