/** Work at slots (partitions, ranges) that is shared with other hosts: one loop for each slot that this process owns. */
import { createOwnership, type Ownership, type OwnershipOptions } from './ownership.ts';

export interface SharedWork extends Omit<OwnershipOptions, 'hold'> {
  /** Works at a slot until `ending`. `attached` is called once it holds all that it needs. */
  work(slot: string, ending: AbortSignal, attached: () => void): Promise<void>;
}

/** `begun` resolves when the loops of the slots that were free are attached. */
export function shareWork({ work, ...options }: SharedWork): {
  readonly ownership: Ownership;
  readonly begun: Promise<void>;
} {
  const attaching: Promise<void>[] = [];
  const hold = (slot: string) => {
    const ending = new AbortController();
    const attached = Promise.withResolvers<void>();
    const loop = work(slot, ending.signal, attached.resolve).finally(attached.resolve);
    attaching.push(attached.promise);
    return async () => {
      ending.abort();
      await loop;
    };
  };
  const ownership = createOwnership({ ...options, hold });
  return { ownership, begun: ownership.ready.then(async () => void (await Promise.all(attaching))) };
}
