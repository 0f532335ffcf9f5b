/** Faults on demand: for tests of what happens when the broker refuses, is slow, loses an acknowledgement or a connection. */

export interface Fault {
  /**
   * `reject` answers a send with `condition`; `dropAck` stores and cuts the connection instead of acknowledging; `delay` waits
   * before storing; `refuseCbs` refuses tokens; `pause` delivers nothing from the hub.
   */
  readonly kind: 'reject' | 'dropAck' | 'delay' | 'refuseCbs' | 'pause';
  readonly hub?: string;
  readonly condition?: string;
  readonly count?: number;
  readonly delayMs?: number;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  take(kind: Fault['kind'], hub: string): Fault | undefined;
  /** Is there one, without using it up? */
  has(kind: Fault['kind'], hub: string): boolean;
  /** Cuts every connection at once. */
  dropConnections(): void;
  /** Detaches every link of a hub with `condition`. */
  detachLinks(hub: string, condition?: string): void;
}

export function createFaults(actions: Pick<Faults, 'dropConnections' | 'detachLinks'>): Faults {
  let active: { fault: Fault; left: number }[] = [];
  const find = (kind: Fault['kind'], hub: string) =>
    active.find(({ fault }) => fault.kind === kind && (fault.hub === undefined || fault.hub === hub));
  return {
    ...actions,
    add: (fault) => {
      active.push({ fault, left: fault.count ?? Number.POSITIVE_INFINITY });
    },
    clear: () => {
      active = [];
    },
    has: (kind, hub) => find(kind, hub) !== undefined,
    take: (kind, hub) => {
      const found = find(kind, hub);
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) active = active.filter((each) => each !== found);
      return found.fault;
    },
  };
}
