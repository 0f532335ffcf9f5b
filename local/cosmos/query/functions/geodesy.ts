/**
 * Computes distances and areas on the WGS 84 ellipsoid.
 *
 * G1 A distance is that of the geodesic, even between nearly antipodal points (Karney's method, by GeographicLib).
 * G2 An area is that of the polygon on the sphere of equal area, whose edges are great circles. The documented example of ST_AREA
 *    decides this: it is the service's answer to 0.5 m2, where a polygon of geodesics is 5 m2 off.
 *
 * Karney, Algorithms for geodesics, J. Geodesy 87 (2013); Snyder, Map projections: a working manual (1987), section 3 (authalic
 * latitude); https://learn.microsoft.com/azure/cosmos-db/nosql/query/st-area
 */
import geographicLib from 'geographiclib-geodesic';

export type Pair = readonly [longitude: number, latitude: number];

/** Node finds no named exports in this CommonJS module: only the default import works in Node, in bundles and in tests. */
const { Geodesic } = geographicLib;
const { WGS84 } = Geodesic;
const { a: A, f: F } = WGS84;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Metres. */
export function distance(from: Pair, to: Pair): number {
  return WGS84.Inverse(from[1], from[0], to[1], to[0], Geodesic.DISTANCE).s12 as number;
}

const E = Math.sqrt(F * (2 - F));
const q = (sin: number) =>
  (1 - E ** 2) * (sin / (1 - (E * sin) ** 2) - Math.log((1 - E * sin) / (1 + E * sin)) / (2 * E));
const AUTHALIC_RADIUS = A * Math.sqrt(q(1) / 2);
const authalic = (latitude: number) => {
  const sine = q(Math.sin(radians(latitude))) / q(1);
  return Math.asin(Math.max(-1, Math.min(1, sine)));
};

/** Square metres within a closed ring of either direction. */
export function ringArea(ring: readonly Pair[]): number {
  let excess = 0;
  for (let at = 1; at < ring.length; at++) {
    const [from, to] = [ring[at - 1] as Pair, ring[at] as Pair];
    const [t1, t2] = [Math.tan(authalic(from[1]) / 2), Math.tan(authalic(to[1]) / 2)];
    excess += 2 * Math.atan2(Math.tan(radians(to[0] - from[0]) / 2) * (t1 + t2), 1 + t1 * t2);
  }
  return Math.abs(excess) * AUTHALIC_RADIUS ** 2;
}
