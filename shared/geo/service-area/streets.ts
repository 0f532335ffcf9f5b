/**
 * Streets of Fabrikam City: streets run west to east, avenues south to north, each with gentle bends; wide ones cross the
 * river, the others end at the water. House numbers grow by two per 24 m, odd on the left, even on the right.
 */
import { type Ground, HALF_SIDE, inside, type Point } from './ground.ts';
import { type Random, range } from './random.ts';

export interface Street {
  readonly name: string;
  readonly kind: 'arterial' | 'street';
  /** The whole line, from its first house number; points in m. */
  readonly line: readonly Point[];
  /** The parts that lie on land (or on a bridge). */
  readonly parts: readonly (readonly Point[])[];
}

const STREETS =
  'Pine Spruce Juniper Willow Chestnut *Harbor Mill Foundry Weaver Cooper *Market Union Liberty Franklin Beacon *Fabrikam Cedar Hawthorn Maple Walnut *Summit Laurel Linden Aspen';
const AVENUES =
  'Quay Anchor Lantern *Marina Canal Sailmaker Garden *Central Museum Theater Orchard *Northwind Meadow Heron Swallow *Contoso Clover Sparrow Kestrel Condor *Hill';

/** m between two houses on one side. */
const PLOT = 24;
const CURB = 12;
const STEP = 40;

export function layOutStreets(random: Random, ground: Ground): Street[] {
  return [
    ...family(random, ground, STREETS, 'Street', (along, across) => [along, across]),
    ...family(random, ground, AVENUES, 'Avenue', (along, across) => [across, along]),
  ];
}

/** Position of house `number` of a street; undefined if the street has no such house. */
export function house(street: Street, number: number, ground: Ground): Point | undefined {
  let left = Math.ceil(number / 2) * PLOT;
  for (let i = 1; i < street.line.length; i += 1) {
    const [ax, ay] = street.line[i - 1] as Point;
    const [bx, by] = street.line[i] as Point;
    const length = Math.hypot(bx - ax, by - ay);
    if (left <= length) {
      const [dx, dy] = [(bx - ax) / length, (by - ay) / length];
      const side = number % 2 === 1 ? CURB : -CURB;
      const point: Point = [ax + dx * left - dy * side, ay + dy * left + dx * side];
      return isWet(point, ground) ? undefined : point;
    }
    left -= length;
  }
  return undefined;
}

export const isWet = (point: Point, ground: Ground) => ground.water.some((area) => inside(point, area.ring));

function family(
  random: Random,
  ground: Ground,
  names: string,
  suffix: string,
  turn: (along: number, across: number) => Point,
): Street[] {
  const list = names.split(' ');
  const spacing = (2 * HALF_SIDE) / (list.length + 1);
  return list.map((word, i) => {
    const arterial = word.startsWith('*');
    const middle = -HALF_SIDE + spacing * (i + 1) + range(random, -25, 25);
    const bend = range(random, 20, 70);
    const phase = range(random, 0, 6);
    const line = Array.from({ length: 11 }, (_, k): Point => {
      const along = -HALF_SIDE + (k * HALF_SIDE) / 5;
      const [east, north] = turn(along, middle + bend * Math.sin(along / 1300 + phase));
      return [Math.round(east), Math.round(north)];
    });
    const kind = arterial ? 'arterial' : 'street';
    return { name: `${word.replace('*', '')} ${suffix}`, kind, line, parts: dryParts(line, kind, ground) };
  });
}

function dryParts(line: readonly Point[], kind: Street['kind'], ground: Ground): Point[][] {
  const bridged = ground.water.filter((area) => kind === 'arterial' && area.name.endsWith('River'));
  const obstacles = ground.water.filter((area) => !bridged.includes(area));
  const blocked = (point: Point) =>
    obstacles.some((area) => inside(point, area.ring)) ||
    (kind === 'street' && ground.parks.some((area) => inside(point, area.ring)));
  const parts: Point[][] = [];
  let part: Point[] = [];
  const close = () => {
    if (part.length > 2) parts.push(straighten(part));
    part = [];
  };
  for (const point of fine(line)) {
    if (blocked(point)) close();
    else part.push(point);
  }
  close();
  return parts;
}

function fine(line: readonly Point[]): Point[] {
  const points: Point[] = [];
  for (let i = 1; i < line.length; i += 1) {
    const [ax, ay] = line[i - 1] as Point;
    const [bx, by] = line[i] as Point;
    const steps = Math.ceil(Math.hypot(bx - ax, by - ay) / STEP);
    for (let k = 0; k < steps; k += 1)
      points.push([ax + ((bx - ax) * k) / steps, ay + ((by - ay) * k) / steps]);
  }
  points.push(line.at(-1) as Point);
  return points;
}

/** Drops the points that lie on a straight line between their neighbours. */
function straighten(points: readonly Point[]): Point[] {
  const kept = points.filter((point, i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    if (!before || !after) return true;
    const turn =
      (point[0] - before[0]) * (after[1] - point[1]) - (point[1] - before[1]) * (after[0] - point[0]);
    return Math.abs(turn) > 1;
  });
  return kept.map(([east, north]): Point => [Math.round(east), Math.round(north)]);
}
