/**
 * Runs the tasks of many accounts at the same time, within bounds for each account.
 *
 * D1 At most `perAccount` tasks of one account run at a time, so a slow task delays only its own account.
 * D2 At most `queuedPerAccount` of them wait. Further tasks are refused, and the caller keeps them.
 * D3 Offering never waits, and a failed task affects no other.
 */

export interface Dispatcher {
  /** False when the account's queue is full. */
  offer(accountId: string, work: () => Promise<void>): boolean;
  /** How many more tasks the account may offer now. */
  room(accountId: string): number;
  /** Resolves when nothing runs or waits. */
  settled(): Promise<void>;
}

export interface DispatcherOptions {
  readonly perAccount: number;
  readonly queuedPerAccount: number;
  readonly onError: (error: unknown) => void;
}

interface Lane {
  running: number;
  readonly waiting: (() => Promise<void>)[];
}

export function createDispatcher({ perAccount, queuedPerAccount, onError }: DispatcherOptions): Dispatcher {
  const lanes = new Map<string, Lane>();
  let onSettled: (() => void)[] = [];

  const advance = (accountId: string, lane: Lane): void => {
    while (lane.running < perAccount) {
      const work = lane.waiting.shift();
      if (!work) break;
      lane.running++;
      void work()
        .catch(onError)
        .finally(() => {
          lane.running--;
          advance(accountId, lane);
        });
    }
    if (lane.running > 0) return;
    lanes.delete(accountId);
    if (lanes.size > 0) return;
    for (const resolve of onSettled) resolve();
    onSettled = [];
  };

  const room = (accountId: string): number => {
    const lane = lanes.get(accountId);
    return lane
      ? perAccount + queuedPerAccount - lane.running - lane.waiting.length
      : perAccount + queuedPerAccount;
  };

  return {
    room,
    offer: (accountId, work) => {
      if (room(accountId) <= 0) return false;
      const lane = lanes.get(accountId) ?? { running: 0, waiting: [] };
      lanes.set(accountId, lane);
      lane.waiting.push(work);
      advance(accountId, lane);
      return true;
    },
    settled: () =>
      lanes.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            onSettled.push(resolve);
          }),
  };
}
