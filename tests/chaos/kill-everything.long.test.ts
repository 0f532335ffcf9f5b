import { killEverythingTests } from './kill-everything.ts';

killEverythingTests({ deliveries: 100, drones: 30, endMs: 600_000 });
