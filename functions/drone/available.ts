/** The drones that could be reserved now, in Cosmos: one item each, in the partition of the cell in which it stands. */
import type { Position } from '../../shared/contracts/common.ts';
import type { Database } from '../../shared/cosmos/store.ts';
import { squareAround } from '../../shared/geo/distance.ts';
import { rankOf, type Task } from './domain.ts';
import { cellsOf } from './place.ts';
import type { AvailableDrone } from './schemas.ts';

export interface Nearby {
  readonly centre: Position;
  /** Half the side of a square, m. */
  readonly radius: number;
  readonly task: Pick<Task, 'weight' | 'size'>;
  /** Drones that are known already, or not wanted. */
  readonly except: readonly string[];
  readonly limit: number;
}

export interface AvailableDrones {
  /** At most `limit` drones in a square that can carry the package. What it costs depends on the limit, not on the fleet. */
  within(query: Nearby): Promise<readonly AvailableDrone[]>;
  /** Where drones are stored: an item is moved by removing it. */
  cells(droneIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  put(drone: AvailableDrone): Promise<void>;
  remove(droneId: string, cell: string): Promise<void>;
}

/** Partitions that a query names; a larger square is looked for in all of them. */
const MAX_CELLS = 150;

export function createAvailableDrones(database: Database): AvailableDrones {
  const available = database.store<AvailableDrone>('availableDrones');
  return {
    within: async ({ centre, radius, task, except, limit }) => {
      const square = squareAround(centre, radius);
      const { south, north, west, east } = square;
      const cells = cellsOf(square, MAX_CELLS);
      const sql = `SELECT * FROM c WHERE ${cells ? `c.cell IN (${cells.map((cell) => `'${cell}'`).join(',')}) AND` : ''}
        c.position.latitude >= @south AND c.position.latitude <= @north
        AND ${west <= east ? BETWEEN : ACROSS} AND c.bay >= @bay AND c.performance.maxPayload >= @weight
        ${except.length > 0 ? 'AND NOT ARRAY_CONTAINS(@except, c.id)' : ''}`;
      const bounds = { south, north, west, east };
      const wanted = { bay: rankOf(task.size), weight: task.weight };
      const parameters = { ...bounds, ...wanted, ...(except.length > 0 ? { except } : {}) };
      return (await available.query<AvailableDrone>(sql, parameters, { limit })).items;
    },
    cells: async (droneIds) => {
      const sql = 'SELECT c.id, c.cell FROM c WHERE ARRAY_CONTAINS(@droneIds, c.id)';
      const { items } = await available.query<Pick<AvailableDrone, 'id' | 'cell'>>(sql, { droneIds });
      const found = Map.groupBy(items, ({ id }) => id);
      return new Map([...found].map(([id, places]) => [id, places.map(({ cell }) => cell)]));
    },
    put: async (drone) => {
      await available.upsert(drone);
    },
    remove: async (droneId, cell) => {
      await available.remove(droneId, cell);
    },
  };
}

const BETWEEN = 'c.position.longitude >= @west AND c.position.longitude <= @east';
const ACROSS = '(c.position.longitude >= @west OR c.position.longitude <= @east)';
