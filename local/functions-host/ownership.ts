/**
 * Divides partitions, ranges or functions (slots) among the hosts that share a consumer group or lease container.
 *
 * O1 The process that a slot's claim names works on it; a claim is made and renewed against its ETag, so only one process gets it.
 * O2 Slots are distributed evenly. A process that has none while others have too many claims the slot JOINING; a process with more than
 *    its share then ends its work on the surplus and releases it: no slot is handled by two.
 * O3 A claim lapses when its process is gone (at once, if it is a process of this machine), or when it was not renewed for LAPSE_MS.
 * O4 A process that stops releases everything, after its work has ended.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { describe, pause } from './retry.ts';

export interface Claim {
  readonly slot: string;
  /** Empty: released. */
  readonly owner: string;
  /** When it was last made or renewed; ms since the epoch. */
  readonly at: number;
}

/** The store of claims. */
export interface ClaimStore {
  list(): Promise<readonly Claim[]>;
  /** Those of `slots` whose claim had not changed since the last `list`. */
  claim(slots: readonly string[], owner: string): Promise<readonly string[]>;
}

export interface OwnershipOptions {
  readonly store: ClaimStore;
  readonly slots: readonly string[];
  /** Begins the work on a slot; the returned function ends it. */
  readonly hold: (slot: string) => () => Promise<void>;
  readonly log: (message: string) => void;
  readonly stopping: AbortSignal;
}

export interface Ownership {
  /** Resolves after the first check: this process has claimed its share of the free slots. */
  readonly ready: Promise<void>;
  owns(slot: string): boolean;
  /** Asks the store. */
  confirm(slot: string): Promise<boolean>;
  /** Ends all work and releases everything. */
  stop(): Promise<void>;
}

/** Interval of checking claims; shorter while this process is new, because hosts come and go then. */
const ROUND_MS = 1_000;
const LATER_ROUND_MS = 3_000;
const NEW_MS = 30_000;
const RENEW_MS = 10_000;
const LAPSE_MS = 30_000;
const RETRY_MS = 250;
const JOINING = 'joining';

/** A unique name of this process: machine, process and a random part. */
export const OWNER: string = `${hostname()}/${process.pid}/${randomUUID()}`;

/** The slots that this process works at. */
function createHeld(hold: OwnershipOptions['hold']) {
  const held = new Map<string, () => Promise<void>>();
  return {
    has: (slot: string) => held.has(slot),
    slots: () => [...held.keys()],
    begin(slot: string): void {
      if (!held.has(slot)) held.set(slot, hold(slot));
    },
    /** Resolves when the work at them has ended. */
    async end(slots: readonly string[]): Promise<void> {
      await Promise.all(
        slots.map(async (slot) => {
          const end = held.get(slot);
          held.delete(slot);
          await end?.();
        }),
      );
    },
  };
}

export function createOwnership(options: OwnershipOptions): Ownership {
  const { store, slots, stopping } = options;
  const held = createHeld(options.hold);
  const began = Date.now();
  let renewed = began;
  let isJoining = false;

  const giveBack = async (some: readonly string[]): Promise<void> => {
    await held.end(some);
    await store.list();
    await store.claim(some, '');
  };

  const round = async (): Promise<void> => {
    const claims = (await store.list()).filter(isAlive);
    const real = claims.filter(({ slot }) => slots.includes(slot));
    const mine = real.filter(({ owner }) => owner === OWNER).map(({ slot }) => slot);
    await held.end(held.slots().filter((slot) => !mine.includes(slot)));
    for (const slot of mine) held.begin(slot);
    if (Date.now() - renewed > RENEW_MS) {
      renewed = Date.now();
      const kept = await store.claim(mine, OWNER);
      await held.end(mine.filter((slot) => !kept.includes(slot)));
      return;
    }
    const owners = new Set([...claims.map(({ owner }) => owner), OWNER]);
    const most = Math.ceil(slots.length / owners.size);
    const free = slots.filter((slot) => !real.some((each) => each.slot === slot));
    if (mine.length > most) await giveBack(mine.slice(most));
    else if (free.length > 0 && mine.length < most)
      for (const slot of await store.claim(free.slice(0, most - mine.length), OWNER)) held.begin(slot);
    await askForMore(held.slots().length < Math.floor(slots.length / owners.size), claims);
  };

  /** A process that has less than its share says so by a claim of its own, and the others give back what they have above theirs. */
  const askForMore = async (needsMore: boolean, claims: readonly Claim[]): Promise<void> => {
    if (needsMore && !claims.some(({ slot }) => slot === JOINING)) {
      isJoining = (await store.claim([JOINING], OWNER)).length > 0;
    } else if (!needsMore && isJoining) {
      isJoining = false;
      await store.list();
      await store.claim([JOINING], '');
    }
  };

  const first = Promise.withResolvers<void>();
  const loop = (async () => {
    while (!stopping.aborted) {
      let wait = Date.now() - began < NEW_MS ? ROUND_MS : LATER_ROUND_MS;
      try {
        await round();
        first.resolve();
      } catch (error) {
        options.log(describe(error));
        wait = RETRY_MS;
      }
      await pause(wait, stopping);
    }
    first.resolve();
  })();

  return {
    ready: first.promise,
    owns: held.has,
    confirm: async (slot) =>
      (await store.list()).some((each) => each.slot === slot && each.owner === OWNER) && held.has(slot),
    stop: async () => {
      await loop;
      const mine = held.slots();
      await held.end(mine);
      if (mine.length === 0 && !isJoining) return;
      await store.list();
      await store.claim(isJoining ? [...mine, JOINING] : mine, '');
    },
  };
}

function isAlive({ owner, at }: Claim): boolean {
  if (owner === '') return false;
  const [machine, pid] = owner.split('/');
  if (owner !== OWNER && machine === hostname() && Number(pid) > 0 && !isRunning(Number(pid))) return false;
  return Date.now() - at < LAPSE_MS;
}

/** Another process with the same number is an earlier one. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
