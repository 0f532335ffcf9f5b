/** Stores the sample carrier's bookings in a SQLite file. */
import { join } from 'node:path';
import { z } from 'zod';
import { Position } from '../../shared/contracts/common.ts';
import { describeErrors, readJson } from '../../shared/read.ts';
import { openDatabase } from '../database.ts';

/** The events of a booking, in the order of reporting. */
export const REPORTS = ['Departed', 'Collected', 'Delivered'] as const;
export type Report = (typeof REPORTS)[number];

/** The fields of a booking beside the columns. Bookings of earlier versions have no places and no departure. */
const BookingBody = z.object({
  answer: z.record(z.string(), z.unknown()),
  callbackUrl: z.string(),
  toCollect: z.number().default(0),
  toDeliver: z.number(),
  pickup: Position.optional(),
  dropoff: Position.optional(),
});
export type BookingBody = z.input<typeof BookingBody>;

export interface Booking {
  readonly id: string;
  readonly body: string;
  /** The next event to report; `done` or `cancelled` when there is none. */
  readonly next: Report | 'done' | 'cancelled';
  /** When to report it, ms. */
  readonly due: number;
  readonly tries: number;
}

export interface Bookings {
  find(id: string): Booking | undefined;
  save(booking: Booking): void;
  due(now: number): readonly Booking[];
  close(): void;
}

/** @throws Error when the file cannot be opened */
export function openBookings(dataDir: string): Bookings {
  const database = openDatabase(
    join(dataDir, 'carrier.db'),
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
     CREATE TABLE IF NOT EXISTS bookings (id TEXT PRIMARY KEY, body TEXT, next TEXT, due INTEGER, tries INTEGER)`,
  );
  const places = REPORTS.map(() => '?').join(', ');
  return {
    find: (id) => database.prepare('SELECT * FROM bookings WHERE id = ?').get(id) as Booking | undefined,
    save: ({ id, body, next, due, tries }) => {
      const insert = 'INSERT OR REPLACE INTO bookings VALUES (?, ?, ?, ?, ?)';
      database.prepare(insert).run(id, body, next, due, tries);
    },
    due: (now) =>
      database
        .prepare(`SELECT * FROM bookings WHERE next IN (${places}) AND due <= ?`)
        .all(...REPORTS, now) as unknown as Booking[],
    close: () => database.close(),
  };
}

/** @throws Error that names the booking when its record is damaged */
export function bodyOf({ id, body }: Booking): z.output<typeof BookingBody> {
  const result = readJson(BookingBody, body, 'body');
  if (result.ok) return result.value;
  throw new Error(`carrier.db: booking ${id}: ${describeErrors(result.errors)}`);
}
