/**
 * Spatial functions over GeoJSON points, lines, polygons with holes, and several polygons.
 *
 * G1 Containment and intersection are decided on the plane of longitude and latitude; the service's edges are geodesics, so
 *    a point close to a long edge may fall on its other side. A border belongs to its polygon.
 * G2 Distances are those of the ellipsoid; between shapes, those to the point that is nearest on the plane.
 * G3 In a container whose geospatialConfig is Geometry, positions are any two numbers, distances and areas those of the plane.
 */
import type { Query } from '../ast.ts';
import { distance, type Pair, ringArea } from './geodesy.ts';
import { isNumber, isObject, type SystemFunction, takes } from './signature.ts';

type Ring = readonly Pair[];
/** The outer ring, then the holes. */
type Polygon = readonly Ring[];
type Segment = readonly [Pair, Pair];

interface Shape {
  readonly points: readonly Pair[];
  readonly segments: readonly Segment[];
  readonly polygons: readonly Polygon[];
}

/** The surface of shapes. */
interface Space {
  readonly faultOfPosition: (pair: Pair) => string | undefined;
  readonly distance: (a: Pair, b: Pair) => number;
  readonly ringArea: (ring: Ring) => number;
  /** Length of a step in the first coordinate by one in the second, at a position. */
  readonly scaleAt: (pair: Pair) => number;
}

const GLOBE: Space = {
  faultOfPosition: ([longitude, latitude]) => {
    if (Math.abs(latitude) > 90) return 'Latitude values must be between -90 and 90 degrees.';
    return Math.abs(longitude) > 180 ? 'Longitude values must be between -180 and 180 degrees.' : undefined;
  },
  distance,
  ringArea,
  scaleAt: ([, latitude]) => Math.cos((latitude * Math.PI) / 180),
};

const PLANE: Space = {
  faultOfPosition: () => undefined,
  distance: (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]),
  ringArea: (ring) =>
    Math.abs(segmentsOf(ring).reduce((sum, [a, b]) => sum + a[0] * b[1] - b[0] * a[1], 0)) / 2,
  scaleAt: () => 1,
};

const isPair = (value: unknown): value is Pair =>
  Array.isArray(value) && value.length >= 2 && isNumber(value[0]) && isNumber(value[1]);

/** The reason why a geometry is not valid; undefined for a valid one. */
function faultOf(space: Space, value: unknown): string | undefined {
  const faultOfPoint = (position: unknown) => faultOfPositionIn(space, position);
  const faultOfPolygon = (rings: unknown) => faultOfPolygonIn(space, rings);
  if (!isObject(value)) return 'The input is not a GeoJSON object.';
  const { type, coordinates } = value;
  if (type === 'Point') return faultOfPoint(coordinates);
  if (!Array.isArray(coordinates)) return `The ${String(type)} input has no coordinates.`;
  if (type === 'LineString')
    return coordinates.length < 2
      ? 'The LineString input is not valid because it has fewer than two positions.'
      : first(coordinates, faultOfPoint);
  if (type === 'Polygon') return faultOfPolygon(coordinates);
  if (type === 'MultiPolygon')
    return coordinates.length === 0
      ? 'The MultiPolygon input has no polygons.'
      : first(coordinates, faultOfPolygon);
  return `The type ${String(type)} is not one of Point, LineString, Polygon, MultiPolygon.`;
}

function faultOfPositionIn(space: Space, value: unknown): string | undefined {
  return isPair(value) ? space.faultOfPosition(value) : 'A position needs a longitude and a latitude.';
}

function faultOfPolygonIn(space: Space, value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return 'The Polygon input has no rings.';
  return first(value, (ring: unknown, index) => {
    if (!Array.isArray(ring) || ring.length < 4)
      return `The Polygon input is not valid because the ring number ${index + 1} has fewer than four positions.`;
    const fault = first(ring, (position) => faultOfPositionIn(space, position));
    if (fault !== undefined) return fault;
    const [start, end] = [ring[0] as Pair, ring.at(-1) as Pair];
    return start[0] === end[0] && start[1] === end[1]
      ? undefined
      : `The Polygon input is not valid because the start and end points of the ring number ${index + 1} are not the same. Each ring of a polygon must have the same start and end points.`;
  });
}

function first(list: readonly unknown[], fault: (value: unknown, index: number) => string | undefined) {
  for (const [index, value] of list.entries()) {
    const found = fault(value, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shapeOf(space: Space, value: unknown): Shape | undefined {
  if (faultOf(space, value) !== undefined) return undefined;
  const { type, coordinates } = value as { type: string; coordinates: unknown };
  if (type === 'Point') return { points: [coordinates as Pair], segments: [], polygons: [] };
  if (type === 'LineString')
    return { points: coordinates as Pair[], segments: segmentsOf(coordinates as Ring), polygons: [] };
  const polygons = (type === 'Polygon' ? [coordinates] : coordinates) as readonly Polygon[];
  const rings = polygons.flat();
  return { points: rings.flat(), segments: rings.flatMap(segmentsOf), polygons };
}

const segmentsOf = (line: Ring): Segment[] => line.slice(1).map((to, at) => [line[at] as Pair, to]);

const cross = (o: Pair, a: Pair, b: Pair) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);

function isOn(point: Pair, [a, b]: Segment): boolean {
  return (
    Math.abs(cross(a, b, point)) < 1e-12 &&
    Math.min(a[0], b[0]) <= point[0] &&
    point[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= point[1] &&
    point[1] <= Math.max(a[1], b[1])
  );
}

/** Whether they cross at a point that is an end of neither. */
function crosses([a, b]: Segment, [c, d]: Segment): boolean {
  const [s, t, u, v] = [cross(a, b, c), cross(a, b, d), cross(c, d, a), cross(c, d, b)];
  return s * t < 0 && u * v < 0;
}

function inRing([x, y]: Pair, ring: Ring): boolean {
  let inside = false;
  for (const [[x1, y1], [x2, y2]] of segmentsOf(ring)) {
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

/** Every border, also that of a hole, belongs to the polygon. */
function inPolygon(point: Pair, [outer = [], ...holes]: Polygon): boolean {
  if ([outer, ...holes].some((ring) => segmentsOf(ring).some((segment) => isOn(point, segment)))) return true;
  return inRing(point, outer) && !holes.some((hole) => inRing(point, hole));
}

const covers = (shape: Shape, point: Pair) =>
  shape.polygons.some((polygon) => inPolygon(point, polygon)) ||
  shape.segments.some((segment) => isOn(point, segment)) ||
  (shape.segments.length === 0 && shape.points.some(([x, y]) => x === point[0] && y === point[1]));

const middle = ([[x1, y1], [x2, y2]]: Segment): Pair => [(x1 + x2) / 2, (y1 + y2) / 2];

/** Whether all corners lie in it and no edge leaves it, neither across a border nor around a hole. */
function within(a: Shape, b: Shape): boolean {
  return (
    a.points.every((point) => covers(b, point)) &&
    a.segments.every(
      (edge) => covers(b, middle(edge)) && !b.segments.some((border) => crosses(edge, border)),
    ) &&
    !b.polygons.some(([, ...holes]) =>
      holes.some((hole) => hole.some((point) => a.polygons.some((polygon) => isStrictlyIn(point, polygon)))),
    )
  );
}

const isStrictlyIn = (point: Pair, polygon: Polygon) =>
  inPolygon(point, polygon) &&
  !polygon.some((ring) => segmentsOf(ring).some((segment) => isOn(point, segment)));

function meet(a: Shape, b: Shape): boolean {
  return (
    a.points.some((point) => covers(b, point)) ||
    b.points.some((point) => covers(a, point)) ||
    a.segments.some((edge) => b.segments.some((other) => crosses(edge, other)))
  );
}

/** The point of a segment that is nearest on the plane, longitudes scaled as they are at `point`. */
function nearest(space: Space, point: Pair, [a, b]: Segment): Pair {
  const scale = space.scaleAt(point);
  const [dx, dy] = [(b[0] - a[0]) * scale, b[1] - a[1]];
  const length = dx ** 2 + dy ** 2;
  const along = length === 0 ? 0 : ((point[0] - a[0]) * scale * dx + (point[1] - a[1]) * dy) / length;
  const share = Math.max(0, Math.min(1, along));
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
}

function between(space: Space, a: Shape, b: Shape): number {
  if (meet(a, b)) return 0;
  const one = (from: Shape, to: Shape) =>
    from.points.flatMap((point) =>
      to.segments.length === 0
        ? to.points.map((other) => space.distance(point, other))
        : to.segments.map((segment) => space.distance(point, nearest(space, point, segment))),
    );
  return [...one(a, b), ...one(b, a)].reduce((least, each) => Math.min(least, each));
}

function areaOf(space: Space, { polygons }: Shape): number {
  const of = ([outer = [], ...holes]: Polygon) =>
    space.ringArea(outer) - holes.reduce((total, hole) => total + space.ringArea(hole), 0);
  return polygons.reduce((total, polygon) => total + of(polygon), 0);
}

function functionsOf(space: Space): Readonly<Record<string, SystemFunction>> {
  const shapes = (f: (a: Shape, b: Shape) => unknown): SystemFunction =>
    takes(2, (first, second) => {
      const [a, b] = [shapeOf(space, first), shapeOf(space, second)];
      return a && b ? f(a, b) : undefined;
    });
  return {
    ST_DISTANCE: shapes((a, b) => between(space, a, b)),
    ST_WITHIN: shapes(within),
    ST_INTERSECTS: shapes(meet),
    ST_AREA: takes(1, (value) => {
      const shape = shapeOf(space, value);
      return shape && areaOf(space, shape);
    }),
    ST_ISVALID: takes(1, (value) => faultOf(space, value) === undefined),
    ST_ISVALIDDETAILED: takes(1, (value) => {
      const reason = faultOf(space, value);
      return reason === undefined ? { valid: true } : { valid: false, reason };
    }),
  };
}

const ON_PLANE = ' on the plane';

export const SPATIAL: Readonly<Record<string, SystemFunction>> = {
  ...functionsOf(GLOBE),
  ...Object.fromEntries(
    Object.entries(functionsOf(PLANE)).map(([name, call]) => [`${name}${ON_PLANE}`, call]),
  ),
};

/** The query with its spatial functions on the plane, for containers of Geometry. */
export function onPlane(query: Query): Query {
  return renamed(query) as Query;
}

function renamed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(renamed);
  if (node === null || typeof node !== 'object') return node;
  const { kind, name } = node as { kind?: unknown; name?: unknown };
  if (kind === 'literal') return node;
  const parts = Object.fromEntries(Object.entries(node).map(([key, part]) => [key, renamed(part)]));
  const flat = `${String(name)}${ON_PLANE}`;
  return kind === 'call' && Object.hasOwn(SPATIAL, flat) ? { ...parts, name: flat } : parts;
}
