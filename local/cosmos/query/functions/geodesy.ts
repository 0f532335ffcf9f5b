/**
 * Distances and areas on the WGS 84 ellipsoid.
 *
 * G1 A distance is that of the geodesic, to the millimetre; where the iteration does not settle (nearly opposite points) it is
 *    that of a sphere, at most 0.6 % off.
 * G2 An area is that of the polygon on the sphere of equal area, whose edges are great circles.
 *
 * Vincenty, Direct and inverse solutions of geodesics on the ellipsoid, Survey Review 23 (1975);
 * Snyder, Map projections: a working manual (1987), section 3 (authalic latitude).
 */

export type Pair = readonly [longitude: number, latitude: number];

const A = 6_378_137;
const F = 1 / 298.257_223_563;
const B = A * (1 - F);
const MEAN_RADIUS = 6_371_008.8;
const MOST_STEPS = 200;
const SETTLED = 1e-12;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Metres. */
export function distance(from: Pair, to: Pair): number {
  if (from[0] === to[0] && from[1] === to[1]) return 0;
  return vincenty(from, to) ?? haversine(from, to);
}

function haversine(from: Pair, to: Pair): number {
  const half = (x: number) => Math.sin(x / 2) ** 2;
  const h =
    half(radians(to[1] - from[1])) +
    Math.cos(radians(from[1])) * Math.cos(radians(to[1])) * half(radians(to[0] - from[0]));
  return 2 * MEAN_RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
}

function vincenty(from: Pair, to: Pair): number | undefined {
  const [u1, u2] = [from, to].map(([, latitude]) => Math.atan((1 - F) * Math.tan(radians(latitude)))) as [
    number,
    number,
  ];
  const [sin1, cos1, sin2, cos2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  const difference = radians(to[0] - from[0]);
  let lambda = difference;
  for (let step = 0; step < MOST_STEPS; step++) {
    const [sinL, cosL] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(cos2 * sinL, cos1 * sin2 - sin1 * cos2 * cosL);
    if (sinSigma === 0) return 0;
    const cosSigma = sin1 * sin2 + cos1 * cos2 * cosL;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (cos1 * cos2 * sinL) / sinSigma;
    const cosSqAlpha = 1 - sinAlpha ** 2;
    const cos2M = cosSqAlpha === 0 ? 0 : cosSigma - (2 * sin1 * sin2) / cosSqAlpha;
    const c = (F / 16) * cosSqAlpha * (4 + F * (4 - 3 * cosSqAlpha));
    const before = lambda;
    lambda =
      difference +
      (1 - c) * F * sinAlpha * (sigma + c * sinSigma * (cos2M + c * cosSigma * (2 * cos2M ** 2 - 1)));
    if (Math.abs(lambda - before) > SETTLED) continue;
    const uSq = (cosSqAlpha * (A ** 2 - B ** 2)) / B ** 2;
    const k1 = 1 + (uSq / 16384) * (4096 + uSq * (-768 + uSq * (320 - 175 * uSq)));
    const k2 = (uSq / 1024) * (256 + uSq * (-128 + uSq * (74 - 47 * uSq)));
    const inner =
      cosSigma * (2 * cos2M ** 2 - 1) - (k2 / 6) * cos2M * (4 * sinSigma ** 2 - 3) * (4 * cos2M ** 2 - 3);
    return B * k1 * (sigma - k2 * sinSigma * (cos2M + (k2 / 4) * inner));
  }
  return undefined;
}

const E = Math.sqrt(F * (2 - F));
const q = (sin: number) =>
  (1 - E ** 2) * (sin / (1 - (E * sin) ** 2) - Math.log((1 - E * sin) / (1 + E * sin)) / (2 * E));
const AUTHALIC_RADIUS = A * Math.sqrt(q(1) / 2);
const authalic = (latitude: number) => {
  const sine = q(Math.sin(radians(latitude))) / q(1);
  return Math.asin(Math.max(-1, Math.min(1, sine)));
};

/** Square metres within a closed ring, whatever its direction. */
export function ringArea(ring: readonly Pair[]): number {
  let excess = 0;
  for (let at = 1; at < ring.length; at++) {
    const [from, to] = [ring[at - 1] as Pair, ring[at] as Pair];
    const [t1, t2] = [Math.tan(authalic(from[1]) / 2), Math.tan(authalic(to[1]) / 2)];
    excess += 2 * Math.atan2(Math.tan(radians(to[0] - from[0]) / 2) * (t1 + t2), 1 + t1 * t2);
  }
  return Math.abs(excess) * AUTHALIC_RADIUS ** 2;
}
