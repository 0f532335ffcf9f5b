/**
 * Meters the ingress and egress of a namespace by throughput units, as buckets that fill each second. Ingress above the limit
 * is refused; egress waits. https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units
 */

export interface Meter {
  /** False: nothing is left, and nothing is taken. A batch larger than a full bucket goes into debt. */
  take(events: number, bytes: number): boolean;
  /** Milliseconds until the bucket has room; 0: now. */
  wait(): number;
}

/** Of one throughput unit, each second. */
export interface Rate {
  readonly events: number;
  readonly bytes: number;
}

const MEBIBYTE = 1024 * 1024;
export const INGRESS: Rate = { events: 1_000, bytes: MEBIBYTE };
export const EGRESS: Rate = { events: 4_096, bytes: 2 * MEBIBYTE };

/** @param units undefined: without limit */
export function createMeter(units: number | undefined, rate: Rate, now: () => number): Meter {
  if (units === undefined) return { take: () => true, wait: () => 0 };
  const most = { events: units * rate.events, bytes: units * rate.bytes };
  let left = { ...most };
  let filled = now();
  const fill = () => {
    const seconds = Math.max(0, now() - filled) / 1000;
    filled = now();
    left = {
      events: Math.min(most.events, left.events + seconds * most.events),
      bytes: Math.min(most.bytes, left.bytes + seconds * most.bytes),
    };
  };
  return {
    take: (events, bytes) => {
      fill();
      if (left.events <= 0 || left.bytes <= 0) return false;
      left.events -= events;
      left.bytes -= bytes;
      return true;
    },
    wait: () => {
      fill();
      if (left.events > 0 && left.bytes > 0) return 0;
      const owed = Math.max(-left.events / most.events, -left.bytes / most.bytes);
      return Math.ceil(owed * 1000) + 1;
    },
  };
}
