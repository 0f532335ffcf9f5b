/**
 * Keeps the simulator's state on disk (SQLite): drones, weather, the decisions on missions and commands, and events that
 * are not acknowledged yet.
 *
 * S1 a commit is all or nothing: a drone's state, the fates of its missions and its events change together.
 * S2 a commit survives the death of the process at any moment.
 * S3 only one process at a time has it open.
 */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import { parseJson } from '../../shared/read.ts';
import { openDatabase } from '../database.ts';
import type { MissionFate } from '../drone/decide.ts';
import type { SimulatedDrone } from '../drone/state.ts';
import type { Weather } from '../physics/weather.ts';

export interface World {
  readonly seed: number;
  /** Simulated seconds since the beginning. */
  readonly time: number;
  readonly weather: Weather;
}

export interface Change {
  readonly world?: World;
  readonly drones?: readonly SimulatedDrone[];
  readonly fates?: readonly { readonly missionId: string; readonly fate: MissionFate }[];
  readonly events?: readonly FlightEvent[];
  /** Commands that have been decided on. */
  readonly commandIds?: readonly string[];
}

export interface FleetStore extends Disposable {
  readonly world: () => World | undefined;
  readonly drones: () => SimulatedDrone[];
  readonly fate: (missionId: string) => MissionFate | undefined;
  readonly isDecided: (commandId: string) => boolean;
  readonly commit: (change: Change) => void;
  /** Events of a drone that have no acknowledgement yet, oldest first. */
  readonly pending: (droneId: string) => FlightEvent[];
  readonly dronesWithPending: () => string[];
  readonly acknowledge: (eventId: string) => void;
}

/** A file with another layout belongs to another version of the simulator. */
const LAYOUT = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS drones (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS missions (id TEXT PRIMARY KEY, fate TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS commands (id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, drone TEXT NOT NULL, event TEXT NOT NULL);
`;

/**
 * @param maxPages bounds the file's size: beyond it, SQLite fails as on a full disk
 * @throws Error in words when the file is in use, damaged or of another version
 */
export function openStore(folder: string, maxPages?: number): FleetStore {
  const file = join(folder, 'fleet.sqlite');
  const database = open(file);
  if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`);
  const world = database.prepare('SELECT state FROM world WHERE id = 1');
  const putWorld = database.prepare('INSERT OR REPLACE INTO world (id, state) VALUES (1, ?)');
  const drones = database.prepare('SELECT state FROM drones');
  const putDrone = database.prepare('INSERT OR REPLACE INTO drones (id, state) VALUES (?, ?)');
  const fate = database.prepare('SELECT fate FROM missions WHERE id = ?');
  const putFate = database.prepare('INSERT OR REPLACE INTO missions (id, fate) VALUES (?, ?)');
  const command = database.prepare('SELECT 1 AS one FROM commands WHERE id = ?');
  const putCommand = database.prepare('INSERT OR IGNORE INTO commands (id) VALUES (?)');
  const pending = database.prepare('SELECT event FROM events WHERE drone = ? ORDER BY sequence');
  const withPending = database.prepare('SELECT DISTINCT drone FROM events');
  const putEvent = database.prepare('INSERT OR IGNORE INTO events (id, drone, event) VALUES (?, ?, ?)');
  const dropEvent = database.prepare('DELETE FROM events WHERE id = ?');

  const write = (change: Change) => {
    if (change.world) putWorld.run(JSON.stringify(change.world));
    for (const drone of change.drones ?? []) putDrone.run(drone.id, JSON.stringify(drone));
    for (const { missionId, fate } of change.fates ?? []) putFate.run(missionId, JSON.stringify(fate));
    for (const event of change.events ?? [])
      putEvent.run(event.eventId, event.droneId, JSON.stringify(event));
    for (const id of change.commandIds ?? []) putCommand.run(id);
  };

  return {
    world: () => parsed(world.get()?.['state']) as World | undefined,
    drones: () => drones.all().map((row) => parsed(row['state']) as SimulatedDrone),
    fate: (missionId) => parsed(fate.get(missionId)?.['fate']) as MissionFate | undefined,
    isDecided: (commandId) => command.get(commandId) !== undefined,
    commit: (change) => {
      database.exec('BEGIN IMMEDIATE');
      try {
        write(change);
        database.exec('COMMIT');
      } catch (error) {
        // A full disk ends the transaction by itself; a second ROLLBACK would hide the reason.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    pending: (droneId) => pending.all(droneId).map((row) => parsed(row['event']) as FlightEvent),
    dronesWithPending: () => withPending.all().map((row) => String(row['drone'])),
    acknowledge: (eventId) => {
      dropEvent.run(eventId);
    },
    [Symbol.dispose]: () => database.close(),
  };
}

function open(file: string): DatabaseSync {
  const database = openDatabase(
    file,
    'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;',
  );
  const layout = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (layout !== 0 && layout !== LAYOUT) {
    database.close();
    throw new Error(
      `${file}: it has layout ${layout}, not ${LAYOUT}: start again with --reset, or remove the file`,
    );
  }
  database.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${LAYOUT}; COMMIT;`);
  return database;
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  const row = parseJson(text);
  if (!row.ok) throw new Error('a row of the fleet is not JSON: start again with --reset');
  return row.value;
}
