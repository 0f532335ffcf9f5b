/** The local geocoder: addresses ("12 Market Street") and the names of places in Fabrikam City. */
import type { Position } from '../../contracts/common.ts';
import { city, houseAt, place } from './city.ts';
import type { Street } from './streets.ts';

const SHORT = new Map([
  ['st', 'street'],
  ['str', 'street'],
  ['ave', 'avenue'],
  ['av', 'avenue'],
]);

/** Places that people know by name, each with its address. */
const LANDMARKS: ReadonlyMap<string, string> = new Map([
  ['Central Station', '330 Market Street'],
  ['City Hall', '362 Fabrikam Street'],
  ['Fabrikam Hospital', '250 Union Street'],
  ['Harbor Market', '420 Harbor Street'],
  ['University Library', '340 Museum Avenue'],
  ['Northwind Bakery', '432 Northwind Avenue'],
  ['Contoso Tower', '404 Contoso Avenue'],
  ['Lakeside Clinic', '560 Summit Street'],
]);

/** Addresses that demonstrations and pages offer. `geocode` knows each of them. */
export const DEMO_ADDRESSES: readonly string[] = [
  '200 Market Street',
  '412 Beacon Street',
  '305 Garden Avenue',
  '388 Orchard Avenue',
  '450 Chestnut Street',
  '140 Willow Street',
  '500 Kestrel Avenue',
  ...LANDMARKS.keys(),
];

/**
 * Position of an address or a named place, in upper or lower case; a city after a comma is ignored. Undefined if there is no
 * such house.
 * @example geocode('12 market st, Fabrikam City')
 */
export function geocode(text: string): Position | undefined {
  const words = normal(text.split(',')[0] ?? '');
  const landmark = landmarks().get(words);
  const address = /^(\d{1,4})(?: (.+))$/.exec(landmark ?? words);
  if (!address) return undefined;
  const street = streets().get(address[2] as string);
  const number = Number(address[1]);
  return street && number > 0 ? houseAt(street, number) : undefined;
}

/** Named places with their positions. */
export function namedPlaces(): { name: string; position: Position }[] {
  const parks = city().ground.parks.map(({ name, ring }) => {
    const sum = ring.reduce((total, point) => [total[0] + point[0], total[1] + point[1]] as const, [
      0, 0,
    ] as const);
    return { name, position: place([sum[0] / ring.length, sum[1] / ring.length]) };
  });
  const marks = [...LANDMARKS].flatMap(([name, address]) => {
    const position = geocode(address);
    return position ? [{ name, position }] : [];
  });
  return [...marks, ...parks];
}

let byName: ReadonlyMap<string, Street> | undefined;
let byLandmark: ReadonlyMap<string, string> | undefined;

function streets(): ReadonlyMap<string, Street> {
  byName ??= new Map(city().streets.map((street) => [normal(street.name), street]));
  return byName;
}

function landmarks(): ReadonlyMap<string, string> {
  byLandmark ??= new Map([...LANDMARKS].map(([name, address]) => [normal(name), normal(address)]));
  return byLandmark;
}

function normal(text: string): string {
  return text
    .toLowerCase()
    .replace(/[.#]/g, ' ')
    .trim()
    .split(/\s+/)
    .map((word) => SHORT.get(word) ?? word)
    .join(' ');
}
