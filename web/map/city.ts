/** Loads the city's map and addresses from `/city.json`. */
import type { Position } from '../../shared/contracts/common.ts';
import type { CityMap } from '../../shared/geo/service-area/city-map.ts';

export interface Address {
  readonly text: string;
  readonly position: Position;
}

export interface City extends CityMap {
  readonly addresses: readonly Address[];
}

/** @throws Error when it cannot be read */
export async function loadCity(): Promise<City> {
  const response = await fetch('/city.json');
  if (!response.ok) throw new Error(`the map cannot be read (${response.status})`);
  return (await response.json()) as City;
}

/** Degrees: about 15 m. */
const SAME_PLACE = 0.00015;

/** The name of a place, or its coordinates. */
export function placeName({ latitude, longitude }: Position, addresses: readonly Address[]): string {
  const known = addresses.find(
    ({ position }) =>
      Math.abs(position.latitude - latitude) < SAME_PLACE &&
      Math.abs(position.longitude - longitude) < SAME_PLACE,
  );
  return known?.text ?? coordinates({ latitude, longitude });
}

/** In the API's form: `47.60000,-122.30000`. */
export function coordinates({ latitude, longitude }: Pick<Position, 'latitude' | 'longitude'>): string {
  return `${latitude.toFixed(5)},${longitude.toFixed(5)}`;
}

/** Position of an address that the map knows, or of coordinates; the service knows more addresses than the map. */
export function positionOf(text: string, addresses: readonly Address[]): Position | undefined {
  const [, latitude, longitude] = /^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (latitude && longitude) return { latitude: Number(latitude), longitude: Number(longitude), altitude: 0 };
  const wanted = text.trim().toLowerCase();
  return addresses.find(({ text }) => text.toLowerCase() === wanted)?.position;
}
