/** Injects faults, for tests with a database that throttles, is slow, fails, or does not answer. */
import { faultReader } from '../fault-reader.ts';

export interface Fault {
  /** `throttle` 429, `unavailable` 503, `retryWith` 449; `timeout` 408; `delay` waits; `drop` cuts the connection after the write was applied. */
  readonly kind: 'throttle' | 'unavailable' | 'retryWith' | 'timeout' | 'delay' | 'drop';
  readonly container?: string;
  /** create, read, upsert, replace, patch, delete, query, batch, feed; absent: every one. */
  readonly operation?: string;
  /** How often; absent: until cleared. */
  readonly count?: number;
  readonly delayMs?: number;
  readonly retryAfterMs?: number;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault for this request; its count is reduced by one. */
  take(container: string, operation: string): Fault | undefined;
}

export function createFaults(): Faults {
  let active: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => {
      active.push({ fault, left: fault.count ?? Number.POSITIVE_INFINITY });
    },
    clear: () => {
      active = [];
    },
    take: (container, operation) => {
      const found = active.find(
        ({ fault }) =>
          (fault.container === undefined || fault.container === container) &&
          (fault.operation === undefined || fault.operation === operation),
      );
      if (!found) return undefined;
      found.left -= 1;
      if (found.left <= 0) active = active.filter((each) => each !== found);
      return found.fault;
    },
  };
}

/** From JSON. @throws Error with the reason */
export const readFault = faultReader<Fault>(
  ['throttle', 'unavailable', 'retryWith', 'timeout', 'delay', 'drop'],
  {
    container: 'string',
    operation: 'string',
    count: 'number',
    delayMs: 'number',
    retryAfterMs: 'number',
  },
);
