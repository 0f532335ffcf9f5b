/** Spatial functions over GeoJSON points and polygons; distances on a sphere (the service: WGS 84, up to 0.5 % apart). */

const EARTH_RADIUS_METRES = 6_371_008.8;

type Pair = readonly [longitude: number, latitude: number];

interface Geometry {
  readonly type: string;
  readonly coordinates: unknown;
}

const isPair = (value: unknown): value is Pair =>
  Array.isArray(value) &&
  value.length >= 2 &&
  typeof value[0] === 'number' &&
  typeof value[1] === 'number' &&
  Math.abs(value[0]) <= 180 &&
  Math.abs(value[1]) <= 90;

function geometry(value: unknown): Geometry | undefined {
  const candidate = value as Partial<Geometry> | null | undefined;
  return candidate && typeof candidate === 'object' && typeof candidate.type === 'string'
    ? (candidate as Geometry)
    : undefined;
}

function point(value: unknown): Pair | undefined {
  const found = geometry(value);
  return found?.type === 'Point' && isPair(found.coordinates) ? found.coordinates : undefined;
}

function polygons(value: unknown): readonly Pair[][][] | undefined {
  const found = geometry(value);
  if (found?.type === 'Polygon' && isRings(found.coordinates)) return [found.coordinates];
  if (found?.type === 'MultiPolygon' && Array.isArray(found.coordinates) && found.coordinates.every(isRings))
    return found.coordinates;
  return undefined;
}

function isRings(value: unknown): value is Pair[][] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((ring) => Array.isArray(ring) && ring.length >= 4 && ring.every(isPair))
  );
}

function haversine(a: Pair, b: Pair): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const half = (x: number) => Math.sin(x / 2) ** 2;
  const h =
    half(radians(b[1] - a[1])) +
    Math.cos(radians(a[1])) * Math.cos(radians(b[1])) * half(radians(b[0] - a[0]));
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(h));
}

function inRing([x, y]: Pair, ring: readonly Pair[]): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i] as Pair;
    const [xj, yj] = ring[j] as Pair;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function within(a: unknown, b: unknown): boolean | undefined {
  const [what, where] = [point(a), polygons(b)];
  if (!what || !where) return undefined;
  return where.some(
    ([outer, ...holes]) => inRing(what, outer ?? []) && !holes.some((hole) => inRing(what, hole)),
  );
}

function isValid(value: unknown): boolean {
  const found = geometry(value);
  if (!found) return false;
  if (found.type === 'Point') return point(value) !== undefined;
  if (found.type === 'LineString')
    return (
      Array.isArray(found.coordinates) && found.coordinates.length >= 2 && found.coordinates.every(isPair)
    );
  return polygons(value)?.every((rings) => rings.every(isClosed)) ?? false;
}

function isClosed(ring: readonly Pair[]): boolean {
  const [first, last] = [ring[0], ring.at(-1)];
  return first?.[0] === last?.[0] && first?.[1] === last?.[1];
}

export const spatial: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> = {
  ST_DISTANCE: (a, b) => {
    const [from, to] = [point(a), point(b)];
    return from && to ? haversine(from, to) : undefined;
  },
  ST_WITHIN: within,
  ST_INTERSECTS: (a, b) => within(a, b) ?? within(b, a),
  ST_ISVALID: (value) => isValid(value),
  ST_ISVALIDDETAILED: (value) =>
    isValid(value) ? { valid: true } : { valid: false, reason: 'not a valid GeoJSON geometry' },
};
