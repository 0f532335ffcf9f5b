import { expect, test } from 'vitest';
import { coordinates, placeName, positionOf } from './city.ts';

const addresses = [
  { text: 'City Hall', position: { latitude: 47.60414, longitude: -122.32872, altitude: 0 } },
  { text: '200 Market Street', position: { latitude: 47.59549, longitude: -122.32129, altitude: 0 } },
];

test('a place has the name of the address that it is at, within about 15 m, else its coordinates', () => {
  expect(placeName({ latitude: 47.60424, longitude: -122.32862, altitude: 30 }, addresses)).toBe('City Hall');
  expect(placeName({ latitude: 47.6045, longitude: -122.32872, altitude: 0 }, addresses)).toBe(
    '47.60450,-122.32872',
  );
});

test('a text means an address, in any case and with any blanks, or coordinates', () => {
  expect(positionOf('  city hall ', addresses)).toBe(addresses[0]?.position);
  expect(positionOf('47.5, -122.25', addresses)).toEqual({ latitude: 47.5, longitude: -122.25, altitude: 0 });
  for (const unknown of ['', 'City', '47.5', '47.5,-122.2,3', 'a,b'])
    expect(positionOf(unknown, addresses)).toBeUndefined();
});

test('coordinates read back as the place', () => {
  const place = { latitude: 47.123456, longitude: -122.000001, altitude: 0 };
  expect(positionOf(coordinates(place), [])).toEqual({ latitude: 47.12346, longitude: -122, altitude: 0 });
});
