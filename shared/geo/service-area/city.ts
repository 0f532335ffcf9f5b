/**
 * Fabrikam City, where Fabrikam's drones fly: an invented city of 8 × 8 km at a real coordinate, generated from a seed.
 * Bounds, bases, streets, addresses, and the map that the pages draw.
 */
import type { Position } from '../../contracts/common.ts';
import type { Base } from '../../contracts/flight.ts';
import { fromLocal, toLocal } from '../distance.ts';
import { type Ground, HALF_SIDE, layOutGround, type Point } from './ground.ts';
import { seeded } from './random.ts';
import { house, isWet, layOutStreets, type Street } from './streets.ts';

export interface ServiceArea {
  readonly name: string;
  readonly center: Position;
  readonly bounds: {
    readonly south: number;
    readonly west: number;
    readonly north: number;
    readonly east: number;
  };
  /** Whether the position is in the area, at any altitude. */
  readonly contains: (position: Position) => boolean;
  /** Whether the position is on a river or a lake, where no parcel can be put down. */
  readonly isWet: (position: Position) => boolean;
  readonly bases: readonly NamedBase[];
}

export interface NamedBase extends Base {
  readonly name: string;
}

export interface City {
  readonly ground: Ground;
  readonly streets: readonly Street[];
}

const CITY_SEED = 20_261_123;
const CENTER: Position = { latitude: 47.6, longitude: -122.3, altitude: 0 };

const BASES: readonly (readonly [baseId: string, name: string, at: Point])[] = [
  ['base-harbor', 'Harbor Base', [-2050, 420]],
  ['base-hill', 'Orchard Hill Base', [1850, -2450]],
  ['base-north', 'Northgate Base', [620, 2850]],
];

const corner = (east: number, north: number) => fromLocal(CENTER, { east, north, up: 0 });
const [southWest, northEast] = [corner(-HALF_SIDE, -HALF_SIDE), corner(HALF_SIDE, HALF_SIDE)];
const bounds = {
  south: southWest.latitude,
  west: southWest.longitude,
  north: northEast.latitude,
  east: northEast.longitude,
};

export const SERVICE_AREA: ServiceArea = {
  name: 'Fabrikam City',
  center: CENTER,
  bounds,
  contains: ({ latitude, longitude }) =>
    latitude >= bounds.south &&
    latitude <= bounds.north &&
    longitude >= bounds.west &&
    longitude <= bounds.east,
  isWet: (position) => {
    const { east, north } = toLocal(CENTER, position);
    return isWet([east, north], city().ground);
  },
  bases: BASES.map(([baseId, name, at]) => ({ baseId, name, position: place(at) })),
};

/** The ground and the streets, generated once per process. */
export function city(): City {
  made ??= build();
  return made;
}

/** A point of the city (m east and north of its centre) on the globe, to a tenth of a metre. */
export function place([east, north]: Point): Position {
  const { latitude, longitude } = corner(east, north);
  return { latitude: round(latitude), longitude: round(longitude), altitude: 0 };
}

/** Where a house stands, on dry land. */
export function houseAt(street: Street, number: number): Position | undefined {
  const { ground } = city();
  const point = house(street, number, ground);
  return point && !isWet(point, ground) ? place(point) : undefined;
}

let made: City | undefined;

function build(): City {
  const random = seeded(CITY_SEED);
  const ground = layOutGround(random);
  return { ground, streets: layOutStreets(random, ground) };
}

function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
