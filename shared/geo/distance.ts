/**
 * Distances, bearings and routes at city scale, on WGS 84, by the local approximation of cheap-ruler (an ellipsoidal
 * flat-earth formula per latitude). Metres and degrees throughout.
 *
 * G1 below 30 km the error against the geodesic stays under 0.1 % (tested with GeographicLib).
 * G2 every result is finite for every position on the globe; longitudes are answered in -180..180.
 * G3 `fromLocal(origin, toLocal(origin, p))` is p: the same ruler is used both ways.
 */
import CheapRuler from 'cheap-ruler';
import type { Position } from '../contracts/common.ts';

/** Metres east, north and up from an origin. */
export interface LocalPoint {
  readonly east: number;
  readonly north: number;
  readonly up: number;
}

type Coordinates = [longitude: number, latitude: number];

const coordinates = (position: Position): Coordinates => [position.longitude, position.latitude];

/** A ruler costs nine multiplications, so each pair gets its own, for the latitude of its middle. */
const rulerBetween = (a: Position, b: Position) => new CheapRuler((a.latitude + b.latitude) / 2, 'meters');

const rulerAt = (origin: Position) => new CheapRuler(origin.latitude, 'meters');

/**
 * Horizontal distance in m.
 * @example distance({latitude: 47.6, longitude: -122.3, altitude: 0}, {latitude: 47.61, longitude: -122.3, altitude: 0}) // 1112
 */
export function distance(a: Position, b: Position): number {
  return rulerBetween(a, b).distance(coordinates(a), coordinates(b));
}

/** Degrees clockwise from north, 0 to 360, from `a` to `b`; 0 where they are the same. */
export function bearing(a: Position, b: Position): number {
  return fullTurn(rulerBetween(a, b).bearing(coordinates(a), coordinates(b)));
}

/** The place `metres` away in the direction `degrees`; it keeps the altitude of `from`. */
export function destination(from: Position, metres: number, degrees: number): Position {
  const radians = (degrees * Math.PI) / 180;
  const half = fromLocal(from, { east: 0, north: (Math.cos(radians) * metres) / 2, up: 0 });
  const [longitude, latitude] = rulerAt(half).offset(
    coordinates(from),
    Math.sin(radians) * metres,
    Math.cos(radians) * metres,
  );
  return { latitude: clampLatitude(latitude), longitude: wrap(longitude), altitude: from.altitude };
}

export interface Square {
  readonly south: number;
  readonly north: number;
  /** Greater than `east` where the square crosses the antimeridian. */
  readonly west: number;
  readonly east: number;
}

/** Metres per degree where a degree is shortest, so that a square is never too small. */
const METRES_PER_DEGREE = 110_500;

/** A square of degrees that contains the circle of `radius` m around a position; all longitudes near the poles. */
export function squareAround(centre: Position, radius: number): Square {
  const reach = radius / METRES_PER_DEGREE;
  const south = clampLatitude(centre.latitude - reach);
  const north = clampLatitude(centre.latitude + reach);
  const narrowest = Math.cos((Math.max(Math.abs(south), Math.abs(north)) * Math.PI) / 180);
  const aside = reach / narrowest;
  if (aside >= 180) return { south, north, west: -180, east: 180 };
  return { south, north, west: wrap(centre.longitude - aside), east: wrap(centre.longitude + aside) };
}

/** Length in m of the route through all points; 0 for fewer than two. */
export function routeLength(route: readonly Position[]): number {
  let length = 0;
  for (let i = 1; i < route.length; i += 1) {
    length += distance(route[i - 1] as Position, route[i] as Position);
  }
  return length;
}

/**
 * The place after `metres` of the route, altitude interpolated; before the start the first point, past the end the last.
 * @throws RangeError for an empty route
 */
export function alongRoute(route: readonly Position[], metres: number): Position {
  const first = route[0];
  if (!first) throw new RangeError('a route needs at least one point');
  let left = Math.max(0, metres);
  let from = first;
  for (const to of route) {
    const length = distance(from, to);
    if (left < length) return between(from, to, left / length);
    left -= length;
    from = to;
  }
  return from;
}

/** The place at `share` (0 to 1) of the straight line from `a` to `b`. */
export function between(a: Position, b: Position, share: number): Position {
  const turn = wrap(b.longitude - a.longitude);
  return {
    latitude: a.latitude + (b.latitude - a.latitude) * share,
    longitude: wrap(a.longitude + turn * share),
    altitude: a.altitude + (b.altitude - a.altitude) * share,
  };
}

/** Metres east, north and up of `position` as seen from `origin`. */
export function toLocal(origin: Position, position: Position): LocalPoint {
  const ruler = rulerAt(origin);
  return {
    east: wrap(position.longitude - origin.longitude) * ruler.kx,
    north: (position.latitude - origin.latitude) * ruler.ky,
    up: position.altitude - origin.altitude,
  };
}

/** The inverse of `toLocal`. */
export function fromLocal(origin: Position, point: LocalPoint): Position {
  const ruler = rulerAt(origin);
  return {
    latitude: clampLatitude(origin.latitude + point.north / ruler.ky),
    longitude: wrap(origin.longitude + point.east / ruler.kx),
    altitude: origin.altitude + point.up,
  };
}

const clampLatitude = (latitude: number) => Math.max(-90, Math.min(90, latitude));

const fullTurn = (degrees: number) => ((degrees % 360) + 360) % 360;

function wrap(longitude: number): number {
  return longitude >= -180 && longitude <= 180 ? longitude : fullTurn(longitude + 180) - 180;
}
