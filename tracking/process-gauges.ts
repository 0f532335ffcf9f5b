/** Gauges of the process itself, under the names that Prometheus' clients use. */
import { performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

export function registerProcessGauges({ gauge }: Metrics, isReady: () => boolean): void {
  let usage = performance.eventLoopUtilization();
  gauge('tracking_ready', 'Is the process ready?', () => Number(isReady()));
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss());
  gauge(
    'nodejs_eventloop_utilization',
    'Share of time that the event loop was busy since the last read',
    () => {
      const before = usage;
      usage = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(usage, before).utilization;
    },
  );
}
