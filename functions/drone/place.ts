/** Cells of a grid over the globe: available drones are stored by the cell in which they stand. Pure. */
import type { Position } from '../../shared/contracts/common.ts';
import type { Square } from '../../shared/geo/distance.ts';

/** Degrees: about 1.1 km from south to north, and 750 m from west to east at 48° north. */
const CELL = 0.01;
const COLUMNS = Math.round(360 / CELL);

export function cellOf({ latitude, longitude }: Pick<Position, 'latitude' | 'longitude'>): string {
  return cell(rowOf(latitude), columnOf(longitude));
}

/** The cells that a square touches, or undefined where they are more than `most`. */
export function cellsOf({ south, north, west, east }: Square, most: number): readonly string[] | undefined {
  const [first, last] = [columnOf(west), columnOf(east)];
  const columns = ((last - first + COLUMNS) % COLUMNS) + 1;
  const rows = rowOf(north) - rowOf(south) + 1;
  if (rows * columns > most || east - west >= 360) return undefined;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (__, column) => cell(rowOf(south) + row, (first + column) % COLUMNS)),
  ).flat();
}

const cell = (row: number, column: number) => `${row}:${column}`;
const rowOf = (latitude: number) => Math.floor((latitude + 90) / CELL);
const columnOf = (longitude: number) => Math.floor((longitude + 180) / CELL) % COLUMNS;
