/** Injects faults, for tests with a broker that refuses, is slow, or loses an acknowledgement or a connection. */
import { faultReader } from '../fault-reader.ts';

export interface Fault {
  /**
   * `reject` answers a send with `condition` (default: throttled); `dropAck` stores and cuts the connection instead of
   * acknowledging; `delay` waits before storing, and before a management answer; `refuse` refuses links with `condition`;
   * `refuseCbs` refuses tokens; `pause` delivers nothing.
   */
  readonly kind: 'reject' | 'dropAck' | 'delay' | 'refuse' | 'refuseCbs' | 'pause';
  /** Absent: every one. */
  readonly hub?: string;
  /** Absent: every one. */
  readonly partition?: number;
  readonly condition?: string;
  /** How often; absent: until cleared. */
  readonly count?: number;
  readonly delayMs?: number;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault for this event; its count is reduced by one. */
  take(kind: Fault['kind'], hub: string, partition: number | undefined): Fault | undefined;
  /** Whether there is a fault; its count stays. */
  has(kind: Fault['kind'], hub: string, partition?: number): boolean;
  /** Cuts every connection at once. */
  dropConnections(): void;
  /** Detaches every link of a hub with `condition`. */
  detachLinks(hub: string, condition?: string): void;
}

export function createFaults(actions: Pick<Faults, 'dropConnections' | 'detachLinks'>): Faults {
  let active: { fault: Fault; left: number }[] = [];
  const find = (kind: Fault['kind'], hub: string, partition: number | undefined) =>
    active.find(
      ({ fault }) =>
        fault.kind === kind &&
        (fault.hub === undefined || fault.hub === hub) &&
        (fault.partition === undefined || fault.partition === partition),
    );
  return {
    ...actions,
    add: (fault) => {
      active.push({ fault, left: fault.count ?? Number.POSITIVE_INFINITY });
    },
    clear: () => {
      active = [];
    },
    has: (kind, hub, partition) => find(kind, hub, partition) !== undefined,
    take: (kind, hub, partition) => {
      const found = find(kind, hub, partition);
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) active = active.filter((each) => each !== found);
      return found.fault;
    },
  };
}

/** From JSON. @throws Error with the reason */
export const readFault = faultReader<Fault>(['reject', 'dropAck', 'delay', 'refuse', 'refuseCbs', 'pause'], {
  hub: 'string',
  partition: 'number',
  condition: 'string',
  count: 'number',
  delayMs: 'number',
});
