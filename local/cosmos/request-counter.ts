/** Counts requests by container and operation. */

export type RequestCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface RequestCounter {
  add(container: string, operation: string): void;
  counts(): RequestCounts;
}

export function createRequestCounter(): RequestCounter {
  const byContainer = new Map<string, Map<string, number>>();
  return {
    add: (container, operation) => {
      const operations = byContainer.get(container) ?? new Map<string, number>();
      byContainer.set(container, operations);
      operations.set(operation, (operations.get(operation) ?? 0) + 1);
    },
    counts: () =>
      Object.fromEntries(
        [...byContainer].map(([container, operations]) => [container, Object.fromEntries(operations)]),
      ),
  };
}
