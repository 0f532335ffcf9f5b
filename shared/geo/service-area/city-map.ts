/** The map of Fabrikam City as GeoJSON, for the pages to draw: water, parks, streets, bases, places. Under 100 KB. */
import type { Position } from '../../contracts/common.ts';
import { city, place, SERVICE_AREA } from './city.ts';
import { namedPlaces } from './geocode.ts';
import type { Point } from './ground.ts';

type Coordinates = readonly [longitude: number, latitude: number];

export type MapGeometry =
  | { readonly type: 'Point'; readonly coordinates: Coordinates }
  | { readonly type: 'MultiLineString'; readonly coordinates: readonly (readonly Coordinates[])[] }
  | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Coordinates[])[] };

export interface MapFeature {
  readonly type: 'Feature';
  readonly properties: {
    readonly kind: 'water' | 'park' | 'arterial' | 'street' | 'base' | 'place';
    readonly name: string;
    readonly id?: string;
  };
  readonly geometry: MapGeometry;
}

export interface CityMap {
  readonly type: 'FeatureCollection';
  readonly name: string;
  /** West, south, east, north. */
  readonly bbox: readonly [number, number, number, number];
  /** In the order in which they are painted. */
  readonly features: readonly MapFeature[];
}

export function cityMap(): CityMap {
  const { ground, streets } = city();
  const { west, south, east, north } = SERVICE_AREA.bounds;
  return {
    type: 'FeatureCollection',
    name: SERVICE_AREA.name,
    bbox: [west, south, east, north].map(short) as [number, number, number, number],
    features: [
      ...ground.parks.map(({ name, ring }) => feature('park', name, polygon(ring))),
      ...ground.water.map(({ name, ring }) => feature('water', name, polygon(ring))),
      ...(['street', 'arterial'] as const).flatMap((kind) =>
        streets
          .filter((street) => street.kind === kind)
          .map((street) => feature(kind, street.name, lines(street.parts))),
      ),
      ...namedPlaces()
        .filter(({ name }) => !ground.parks.some((park) => park.name === name))
        .map(({ name, position }) => feature('place', name, point(position))),
      ...SERVICE_AREA.bases.map((base) => ({
        ...feature('base', base.name, point(base.position)),
        properties: { kind: 'base' as const, name: base.name, id: base.baseId },
      })),
    ],
  };
}

function feature(kind: MapFeature['properties']['kind'], name: string, geometry: MapGeometry): MapFeature {
  return { type: 'Feature', properties: { kind, name }, geometry };
}

const point = (position: Position): MapGeometry => ({ type: 'Point', coordinates: pair(position) });

function polygon(ring: readonly Point[]): MapGeometry {
  const closed = [...ring, ring[0] as Point];
  return { type: 'Polygon', coordinates: [closed.map((each) => pair(place(each)))] };
}

function lines(parts: readonly (readonly Point[])[]): MapGeometry {
  return {
    type: 'MultiLineString',
    coordinates: parts.map((part) => part.map((each) => pair(place(each)))),
  };
}

const pair = ({ latitude, longitude }: Position): Coordinates => [short(longitude), short(latitude)];

const short = (degrees: number) => Math.round(degrees * 1e5) / 1e5;
