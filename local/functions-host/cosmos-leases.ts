/**
 * Manages the lease documents of a Cosmos DB trigger: the position in each range's feed, and the host that follows it.
 *
 * L1 Every write is conditional on the ETag that this process saw last: a process that has lost a range does not move its lease.
 * L2 Writes of a document run one after the other, so a renewal and a move by the same process do not conflict.
 */
import { type Container, ErrorResponse } from '@azure/cosmos';
import type { Claim, ClaimStore } from './ownership.ts';

interface LeaseDocument {
  readonly id: string;
  readonly continuation?: string;
  readonly owner: string;
  /** ms since the epoch. */
  readonly renewed: number;
}

/** Another host has taken the range over. */
export class LeaseLost extends Error {}

export interface Leases extends ClaimStore {
  /** Undefined: the feed has not been followed yet. */
  continuation(id: string): Promise<string | undefined>;
  /** @throws LeaseLost */
  move(id: string, continuation: string): Promise<void>;
}

/** @param prefix the trigger's `leaseContainerPrefix` */
export function createLeases(container: Container, prefix: string, monitored: string): Leases {
  const known = new Map<string, LeaseDocument & { readonly etag: string | undefined }>();
  const writing = new Map<string, Promise<unknown>>();

  const inTurn = <T>(id: string, work: () => Promise<T>): Promise<T> => {
    const before = writing.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    writing.set(id, mine);
    return mine;
  };

  const put = (id: string, change: Partial<LeaseDocument>): Promise<boolean> =>
    inTurn(id, async () => {
      const { etag, ...last } = known.get(id) ?? { id, owner: '', renewed: 0, etag: undefined };
      const document: LeaseDocument = { ...last, ...change };
      try {
        const { etag: written } =
          etag === undefined
            ? await container.items.create(document)
            : await container.item(id, id).replace(document, {
                accessCondition: { type: 'IfMatch', condition: etag },
              });
        known.set(id, { ...document, etag: written });
        return true;
      } catch (error) {
        if (error instanceof ErrorResponse && [404, 409, 412].includes(Number(error.code))) return false;
        throw error;
      }
    });

  return {
    list: async () => {
      const first = `${prefix}${monitored}-`;
      const { resources } = await container.items
        .query<LeaseDocument & { readonly _etag: string }>({
          query: 'SELECT * FROM c WHERE STARTSWITH(c.id, @first)',
          parameters: [{ name: '@first', value: first }],
        })
        .fetchAll();
      const ids = new Set(resources.map(({ id }) => id));
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
      return resources.map(({ id, owner, renewed, continuation, _etag }): Claim => {
        known.set(id, { id, owner, renewed, etag: _etag, ...(continuation ? { continuation } : {}) });
        return { slot: slotOf(id, first), owner: String(owner), at: Number(renewed) || 0 };
      });
    },
    claim: async (slots, owner) => {
      const first = `${prefix}${monitored}-`;
      const got = await Promise.all(
        slots.map(async (slot) =>
          (await put(idOf(slot, first), { owner, renewed: Date.now() })) ? [slot] : [],
        ),
      );
      return got.flat();
    },
    continuation: async (id) => known.get(id)?.continuation,
    move: async (id, continuation) => {
      if (!(await put(id, { continuation, renewed: Date.now() }))) throw new LeaseLost(id);
    },
  };
}

/** A slot that is not a range has no number at its end. */
function idOf(slot: string, first: string): string {
  return slot.startsWith(first) ? slot : `${first}${slot}`;
}

function slotOf(id: string, first: string): string {
  const rest = id.slice(first.length);
  return /^\d+$/.test(rest) ? id : rest;
}
