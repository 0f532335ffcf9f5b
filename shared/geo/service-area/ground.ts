/**
 * The ground of Fabrikam City, an invented place: a bay in the west, a river with bends, lakes, parks. Metres east and
 * north of the centre. Deterministic.
 */
import { type Random, range } from './random.ts';

export type Point = readonly [east: number, north: number];
export type Ring = readonly Point[];

export interface Area {
  readonly name: string;
  readonly ring: Ring;
}

/** The city is a square; this is half of its side, m. */
export const HALF_SIDE = 4000;

export interface Ground {
  readonly water: readonly Area[];
  readonly parks: readonly Area[];
}

const RIVER_HALF_WIDTH = 110;

export function layOutGround(random: Random): Ground {
  const lakes = [
    { name: 'Mirror Lake', ring: blob(random, [1900, 2250], 620, 430) },
    { name: 'Heron Pond', ring: blob(random, [2750, -2350], 260, 200) },
  ];
  const water = [
    { name: 'Fabrikam Bay', ring: bay(random) },
    { name: 'Alder River', ring: river(random) },
    ...lakes,
  ];
  const parks = [
    { name: 'Founders Park', ring: blob(random, [-350, 1750], 520, 380) },
    { name: 'Lakeside Gardens', ring: blob(random, [2950, 2500], 420, 640) },
    { name: 'Harbor Green', ring: blob(random, [-2350, -950], 330, 420) },
    { name: 'Orchard Hill', ring: blob(random, [1250, -2850], 560, 420) },
    { name: 'Union Square', ring: rectangle([250, -300], 190, 150) },
    { name: 'Foxglove Commons', ring: rectangle([3050, -650], 300, 240) },
  ];
  return { water, parks };
}

/** Whether the point is inside the ring (even-odd rule). */
export function inside([east, north]: Point, ring: Ring): boolean {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [ax, ay] = ring[i] as Point;
    const [bx, by] = ring[j] as Point;
    if (ay > north !== by > north && east < ((bx - ax) * (north - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

function bay(random: Random): Ring {
  const shore: Point[] = [];
  for (let north = -HALF_SIDE; north <= HALF_SIDE; north += 250) {
    const bulge = 420 * Math.sin(north / 1100) + 260 * Math.sin(north / 430 + 1);
    shore.push([Math.round(-3150 + bulge + range(random, -60, 60)), north]);
  }
  return [[-HALF_SIDE, -HALF_SIDE], ...shore, [-HALF_SIDE, HALF_SIDE]];
}

function river(random: Random): Ring {
  const south: Point[] = [];
  const north: Point[] = [];
  for (let east = -HALF_SIDE; east <= HALF_SIDE; east += 200) {
    const middle = -1350 + 420 * Math.sin(east / 900) + 0.14 * east + range(random, -20, 20);
    const width = RIVER_HALF_WIDTH * (1 + 0.25 * Math.sin(east / 500));
    north.push([east, Math.round(middle + width)]);
    south.push([east, Math.round(middle - width)]);
  }
  return [...north, ...south.reverse()];
}

function blob(random: Random, [east, north]: Point, width: number, height: number): Ring {
  const corners = 18;
  return Array.from({ length: corners }, (_, i): Point => {
    const angle = (i / corners) * 2 * Math.PI;
    const size = range(random, 0.82, 1.08);
    return [
      Math.round(east + Math.cos(angle) * width * size),
      Math.round(north + Math.sin(angle) * height * size),
    ];
  });
}

function rectangle([east, north]: Point, halfWidth: number, halfHeight: number): Ring {
  return [
    [east - halfWidth, north - halfHeight],
    [east + halfWidth, north - halfHeight],
    [east + halfWidth, north + halfHeight],
    [east - halfWidth, north + halfHeight],
  ];
}
