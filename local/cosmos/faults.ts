/** Faults on demand: for tests of what happens when the database throttles, is slow, fails, or answers nothing. */
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
  /** The fault that meets this request, used up by one. */
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

/** From JSON. @throws Error that says what is wrong */
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
