/** What each process of the platform runs, before and after the build. */
import { join } from 'node:path';

export const PROCESSES = {
  platform: 'platform/platform.ts',
  'event-hubs': 'local/event-hubs/main.ts',
  cosmos: 'local/cosmos/main.ts',
  support: 'platform/support.ts',
  functions: 'local/functions-host/main.ts',
  tracking: 'tracking/main.ts',
  simulator: 'simulator/main.ts',
  'prepare-database': 'platform/prepare-database.ts',
  'prepare-demo': 'platform/prepare-demo.ts',
} as const;
export type ProcessName = keyof typeof PROCESSES;

export function processFile(root: string, name: ProcessName): string {
  return join(root, 'dist/processes', `${name}.mjs`);
}
