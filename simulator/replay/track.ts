/**
 * Moves a recorded flight to another place: rotates it about the vertical and translates it, but never scales it.
 *
 * R1 distances between any two points, and all times, are those of the recording (tested).
 */
import type { Position } from '../../shared/contracts/common.ts';
import { bearing, fromLocal, toLocal } from '../../shared/geo/distance.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';

/** Metres from the recording's first point; seconds from its start, growing. */
export interface TrackPoint {
  readonly at: number;
  readonly east: number;
  readonly north: number;
  readonly up: number;
}

export interface Track {
  readonly name: string;
  readonly points: readonly TrackPoint[];
}

/** In the city's metres (east, north of its centre; up from the ground). */
export interface MovedTrack extends Track {
  readonly duration: number;
  /** m */
  readonly length: number;
}

export interface OnTrack extends Omit<TrackPoint, 'at'> {
  readonly velocity: { readonly east: number; readonly north: number; readonly up: number };
}

/** Height of the lowest point of a moved recording, above the roofs, m. */
const LOWEST = 40;

/**
 * The recording as it is flown from a pickup: it begins above the pickup and is turned towards the middle of the city, so
 * that it stays inside.
 */
export function moveTrack(track: Track, pickup: Position): MovedTrack {
  const start = toLocal(SERVICE_AREA.center, pickup);
  const last = track.points.at(-1) as TrackPoint;
  const wanted = (bearing(pickup, SERVICE_AREA.center) * Math.PI) / 180;
  const turn = wanted - Math.atan2(last.east, last.north);
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  const lift = LOWEST - Math.min(...track.points.map((point) => point.up)) + Math.max(0, pickup.altitude);
  const points = track.points.map(({ at, east, north, up }) => ({
    at,
    east: start.east + east * cos + north * sin,
    north: start.north + north * cos - east * sin,
    up: up + lift,
  }));
  let length = 0;
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1] as TrackPoint, points[i] as TrackPoint];
    length += Math.hypot(b.east - a.east, b.north - a.north);
  }
  return { name: track.name, points, duration: last.at, length };
}

/** The end of the moved recording, on the ground. */
export function endOf(track: MovedTrack): Position {
  const { east, north } = track.points.at(-1) as TrackPoint;
  const end = fromLocal(SERVICE_AREA.center, { east, north, up: 0 });
  return { latitude: round(end.latitude), longitude: round(end.longitude), altitude: 0 };
}

/** Place and velocity on the recording after `seconds`, interpolated linearly. */
export function onTrack(track: MovedTrack, seconds: number): OnTrack {
  const { points } = track;
  const found = points.findIndex((point) => point.at > seconds);
  const next = found === -1 ? points.length - 1 : Math.max(1, found);
  const [a, b] = [points[next - 1] as TrackPoint, points[next] as TrackPoint];
  const span = b.at - a.at;
  const share = Math.max(0, Math.min(1, (seconds - a.at) / span));
  return {
    east: a.east + (b.east - a.east) * share,
    north: a.north + (b.north - a.north) * share,
    up: a.up + (b.up - a.up) * share,
    velocity: { east: (b.east - a.east) / span, north: (b.north - a.north) / span, up: (b.up - a.up) / span },
  };
}

const round = (degrees: number) => Math.round(degrees * 1e8) / 1e8;
