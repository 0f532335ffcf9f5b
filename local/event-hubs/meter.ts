/** How much a namespace takes in: throughput units, as a bucket that fills each second. https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units */

const BYTES_PER_UNIT = 1024 * 1024;
const EVENTS_PER_UNIT = 1000;

export interface Meter {
  /** False: throttled, and nothing is taken. What one batch is over a full bucket is owed. */
  take(events: number, bytes: number): boolean;
}

/** @param units undefined: without limit */
export function createMeter(units: number | undefined, now: () => number): Meter {
  if (units === undefined) return { take: () => true };
  const most = { events: units * EVENTS_PER_UNIT, bytes: units * BYTES_PER_UNIT };
  let left = { ...most };
  let filled = now();
  return {
    take: (events, bytes) => {
      const seconds = Math.max(0, now() - filled) / 1000;
      filled = now();
      left = {
        events: Math.min(most.events, left.events + seconds * most.events),
        bytes: Math.min(most.bytes, left.bytes + seconds * most.bytes),
      };
      if (left.events <= 0 || left.bytes <= 0) return false;
      left.events -= events;
      left.bytes -= bytes;
      return true;
    },
  };
}
