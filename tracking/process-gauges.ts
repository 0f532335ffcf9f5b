/** Gauges of the process itself, with the names that Prometheus' client libraries use. */
import { performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

export function registerProcessGauges({ gauge }: Metrics, isReady: () => boolean): void {
  let usage = performance.eventLoopUtilization();
  gauge('tracking_ready', 'Whether the process is ready', () => Number(isReady()));
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  gauge(
    'nodejs_eventloop_utilization',
    'Share of time for which the event loop was busy since the last read',
    () => {
      const before = usage;
      usage = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(usage, before).utilization;
    },
  );
}
