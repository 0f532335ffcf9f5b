import { killEverythingTests } from './kill-everything.ts';

killEverythingTests({ deliveries: 10, drones: 6, endMs: 240_000 });
