/** Dead letters, work items and watches in Cosmos. A write rejects with a `WriteConflict` when another came first. */
import { DeadLetterEntry } from '../../shared/contracts/supervisor.ts';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import {
  type LetterDocument,
  PLACES,
  type PlaceDocument,
  type WatchDocument,
  type WorkItemDocument,
} from './schemas.ts';

/** A letter as a list reads it: its payload may have a megabyte, and stays in the store. */
export interface LetterEntry extends DeadLetterEntry {
  readonly sortKey: string;
}

const ENTRY_FIELDS = [...Object.keys(DeadLetterEntry.shape), 'sortKey'];

export interface SupervisorRepository {
  /** The day under which the dead letter with this id is stored: that of its first writer. */
  claimDay(hub: string, id: string, day: string, ttl: number): Promise<string>;
  /** False when it was already there. */
  createLetter(letter: LetterDocument): Promise<boolean>;
  letter(hub: string, day: string, id: string): Promise<Stored<LetterDocument> | undefined>;
  replaceLetter(letter: LetterDocument, etag: string): Promise<Stored<LetterDocument>>;
  /** Newest first. */
  letters(filter: {
    hub?: string | undefined;
    status?: string | undefined;
    after?: string | undefined;
    limit: number;
  }): Promise<readonly LetterEntry[]>;

  workItem(deliveryId: string, id: string): Promise<Stored<WorkItemDocument> | undefined>;
  createWorkItem(item: WorkItemDocument): Promise<boolean>;
  replaceWorkItem(item: WorkItemDocument, etag: string): Promise<Stored<WorkItemDocument>>;
  /** Newest first. */
  workItems(filter: {
    status?: string | undefined;
    after?: string | undefined;
    limit: number;
  }): Promise<readonly WorkItemDocument[]>;

  watch(deliveryId: string, id: string): Promise<Stored<WatchDocument> | undefined>;
  watches(): Promise<readonly WatchDocument[]>;
  /** False: another round wrote first. */
  saveWatch(watch: WatchDocument, etag: string | undefined): Promise<boolean>;
  removeWatch(watch: WatchDocument): Promise<void>;
}

export function createSupervisorRepository(database: Database): SupervisorRepository {
  const letters = database.store<LetterDocument | PlaceDocument>('deadLetters');
  const work = database.store<WorkItemDocument | WatchDocument>('workItems');
  return {
    claimDay: async (hub, id, letterDay, ttl) => {
      const place: PlaceDocument = { id, type: 'place', hub, day: PLACES, letterDay, ttl };
      if (await isFirst(() => letters.create<PlaceDocument>(place))) return letterDay;
      return (await letters.read<PlaceDocument>(id, [hub, PLACES]))?.item.letterDay ?? letterDay;
    },
    createLetter: (letter) => isFirst(() => letters.create<LetterDocument>(letter)),
    letter: (hub, day, id) => letters.read<LetterDocument>(id, [hub, day]),
    replaceLetter: (letter, etag) => letters.replace<LetterDocument>(letter, [letter.hub, letter.day], etag),
    letters: async ({ hub, status, after, limit }) => {
      const conditions = [
        "c.type = 'letter'",
        ...(hub ? ['c.hub = @hub'] : []),
        ...(status ? ['c.status = @status'] : []),
        ...(after ? ['c.sortKey < @after'] : []),
      ];
      const fields = ENTRY_FIELDS.map((field) => `c["${field}"]`).join(', ');
      const sql = `SELECT ${fields} FROM c WHERE ${conditions.join(' AND ')} ORDER BY c.sortKey DESC`;
      const parameters = {
        ...(hub ? { hub } : {}),
        ...(status ? { status } : {}),
        ...(after ? { after } : {}),
      };
      return (await letters.query<LetterEntry>(sql, parameters, { limit })).items;
    },

    workItem: (deliveryId, id) => work.read<WorkItemDocument>(id, deliveryId),
    createWorkItem: (item) => isFirst(() => work.create<WorkItemDocument>(item)),
    replaceWorkItem: (item, etag) => work.replace<WorkItemDocument>(item, item.deliveryId, etag),
    workItems: async ({ status, after, limit }) => {
      const condition = `${status ? ' AND c.status = @status' : ''}${after ? ' AND c.sortKey < @after' : ''}`;
      const sql = `SELECT * FROM c WHERE c.type = 'work'${condition} ORDER BY c.sortKey DESC`;
      const parameters = { ...(status ? { status } : {}), ...(after ? { after } : {}) };
      return (await work.query<WorkItemDocument>(sql, parameters, { limit })).items;
    },

    watch: (deliveryId, id) => work.read<WatchDocument>(id, deliveryId),
    watches: async () =>
      (await work.query<WatchDocument>("SELECT * FROM c WHERE c.type = 'watch'", {})).items,
    saveWatch: (watch, etag) =>
      isFirst(() =>
        etag ? work.replace<WatchDocument>(watch, watch.deliveryId, etag) : work.create<WatchDocument>(watch),
      ),
    removeWatch: async ({ id, deliveryId }) => {
      await work.remove(id, deliveryId);
    },
  };
}

async function isFirst(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof WriteConflict || (error instanceof AppError && error.code === 'not_found'))
      return false;
    throw error;
  }
}
