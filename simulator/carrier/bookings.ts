/** The carrier's bookings on disk. */
import { join } from 'node:path';
import { z } from 'zod';
import { describeErrors, readJson } from '../../shared/read.ts';
import { openDatabase } from '../database.ts';

/** The body of a row. */
const Booking = z.object({ answer: z.unknown(), callbackUrl: z.url(), toDeliver: z.number() });

export interface Row {
  readonly id: string;
  readonly body: string;
  /** `Collected` or `Delivered`: what comes next; `done`, `cancelled`. */
  readonly next: string;
  readonly due: number;
  readonly tries: number;
}

export interface Bookings extends Disposable {
  readonly find: (id: string) => Row | undefined;
  readonly save: (row: Row) => void;
  /** Those of which something is to be told at `now`, ms since the epoch. */
  readonly due: (now: number) => Row[];
}

/** @throws Error when the file cannot be read */
export function openBookings(dataDir: string): Bookings {
  const database = openDatabase(
    join(dataDir, 'carrier.db'),
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
     CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, body TEXT, next TEXT, due INTEGER, tries INTEGER)`,
  );
  const one = database.prepare('SELECT * FROM bookings WHERE id = ?');
  const put = database.prepare('INSERT OR REPLACE INTO bookings VALUES (?, ?, ?, ?, ?)');
  const due = database.prepare(
    "SELECT * FROM bookings WHERE next IN ('Collected', 'Delivered') AND due <= ?",
  );
  return {
    find: (id) => one.get(id) as Row | undefined,
    save: (row) => {
      put.run(row.id, row.body, row.next, row.due, row.tries);
    },
    due: (now) => due.all(now) as unknown as Row[],
    [Symbol.dispose]: () => database.close(),
  };
}

export function bookingOf({ id, body }: Row): z.output<typeof Booking> {
  const stored = readJson(Booking, body);
  if (!stored.ok)
    throw new Error(`the stored booking ${id} cannot be read: ${describeErrors(stored.errors)}`);
  return stored.value;
}
