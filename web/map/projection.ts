/** Projects positions to metres east and south of the city's middle: drawing needs only scale and offset. */
import type { Position } from '../../shared/contracts/common.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Projection {
  readonly toPoint: (longitude: number, latitude: number) => Point;
  readonly toPosition: (point: Point) => Position;
}

export type Box = readonly [west: number, south: number, east: number, north: number];

/** WGS 84: https://en.wikipedia.org/wiki/Geographic_coordinate_system#Length_of_a_degree */
export function projectionOf([west, south, east, north]: Box): Projection {
  const middle = { longitude: (west + east) / 2, latitude: (south + north) / 2 };
  const phi = (middle.latitude * Math.PI) / 180;
  const perLatitude = 111_132.92 - 559.82 * Math.cos(2 * phi) + 1.175 * Math.cos(4 * phi);
  const perLongitude = 111_412.84 * Math.cos(phi) - 93.5 * Math.cos(3 * phi);
  return {
    toPoint: (longitude, latitude) => ({
      x: (longitude - middle.longitude) * perLongitude,
      y: (middle.latitude - latitude) * perLatitude,
    }),
    toPosition: ({ x, y }) => ({
      latitude: middle.latitude - y / perLatitude,
      longitude: middle.longitude + x / perLongitude,
      altitude: 0,
    }),
  };
}
