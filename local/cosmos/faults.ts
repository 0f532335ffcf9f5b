/** Faults on demand: for tests of what happens when the database throttles, is slow, fails, or answers nothing. */

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

const KINDS: ReadonlySet<unknown> = new Set([
  'throttle',
  'unavailable',
  'retryWith',
  'timeout',
  'delay',
  'drop',
] satisfies Fault['kind'][]);
const TYPES: Readonly<Record<string, string>> = {
  kind: 'string',
  container: 'string',
  operation: 'string',
  count: 'number',
  delayMs: 'number',
  retryAfterMs: 'number',
};

/** From JSON. @throws Error that says what is wrong */
export function readFault(value: unknown): Fault {
  const fields = Object.entries(Object(value) as object);
  for (const [name, field] of fields) {
    if (TYPES[name] !== typeof field) throw new Error(`a fault has no ${name} of this type`);
    if (typeof field === 'number' && !(field >= 0)) throw new Error(`${name} is negative`);
  }
  if (!KINDS.has((value as Partial<Fault> | null)?.kind))
    throw new Error('a fault needs one of the known kinds');
  return value as Fault;
}
