import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distance, toLocal } from '../distance.ts';
import { city } from './city.ts';
import { namedPlaces } from './geocode.ts';
import { cityMap, DEMO_ADDRESSES, geocode, SERVICE_AREA } from './service-area.ts';
import { isWet } from './streets.ts';

const { bounds, center, bases, contains } = SERVICE_AREA;

describe('the area', () => {
  test('is 8 by 8 km around its centre', () => {
    const [south, north] = [
      { ...center, latitude: bounds.south },
      { ...center, latitude: bounds.north },
    ];
    expect(distance(south, north)).toBeCloseTo(8000, -1);
    expect(contains(center)).toBe(true);
    expect(contains({ ...center, latitude: bounds.north + 0.001 })).toBe(false);
    expect(contains({ ...center, longitude: bounds.west - 0.001 })).toBe(false);
  });

  test('has three bases on dry land, apart from each other', () => {
    expect(bases.map((base) => base.baseId)).toEqual(['base-harbor', 'base-hill', 'base-north']);
    for (const base of bases) {
      const { east, north } = toLocal(center, base.position);
      expect(isWet([east, north], city().ground)).toBe(false);
      expect(contains(base.position)).toBe(true);
    }
    expect(distance(bases[0]!.position, bases[1]!.position)).toBeGreaterThan(2000);
  });
});

describe('geocode', () => {
  test('every address that is offered is known, in the area and dry', () => {
    expect(DEMO_ADDRESSES.filter((address) => !geocode(address))).toEqual([]);
    for (const address of DEMO_ADDRESSES) {
      const position = geocode(address);
      expect(contains(position!)).toBe(true);
      const { east, north } = toLocal(center, position!);
      expect(isWet([east, north], city().ground)).toBe(false);
    }
  });

  test('case, spaces, short forms and the city do not matter', () => {
    const position = geocode('200 Market Street');
    expect(geocode('  200  MARKET st., Fabrikam City')).toEqual(position);
    expect(geocode('central station')).toEqual(geocode('330 market street'));
  });

  test('unknown is undefined, not a guess', () => {
    for (const text of [
      '',
      'Market Street',
      '0 Market Street',
      '9999 Market Street',
      '12 Nowhere Road',
      '-3 Market Street',
      '12',
    ]) {
      expect(geocode(text)).toBeUndefined();
    }
  });

  test('never throws, and is in the area where it answers', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const position = geocode(text);
        if (position) expect(contains(position)).toBe(true);
      }),
    );
  });

  test('neighbours stand 24 m apart, and opposite sides face each other', () => {
    const [a, b, opposite] = ['201 Market Street', '203 Market Street', '202 Market Street'].map(geocode);
    expect(distance(a!, b!)).toBeGreaterThan(20);
    expect(distance(a!, b!)).toBeLessThan(28);
    expect(distance(a!, opposite!)).toBeCloseTo(24, 0);
  });
});

describe('the map', () => {
  test('is small, complete and the same every time', () => {
    const text = JSON.stringify(cityMap());
    expect(text.length).toBeLessThan(100_000);
    expect(JSON.stringify(cityMap())).toBe(text);
    const kinds = new Set(cityMap().features.map((feature) => feature.properties.kind));
    expect([...kinds].sort()).toEqual(['arterial', 'base', 'park', 'place', 'street', 'water']);
  });

  test('rings are closed, lines have two points or more, all within the box', () => {
    const [west, south, east, north] = cityMap().bbox;
    for (const { geometry } of cityMap().features) {
      const parts = geometry.type === 'Point' ? [[geometry.coordinates]] : geometry.coordinates;
      for (const part of parts) {
        if (geometry.type === 'Polygon') expect(part[0]).toEqual(part.at(-1));
        if (geometry.type === 'MultiLineString') expect(part.length).toBeGreaterThan(1);
        for (const [longitude, latitude] of part) {
          expect(longitude).toBeGreaterThanOrEqual(west - 0.001);
          expect(longitude).toBeLessThanOrEqual(east + 0.001);
          expect(latitude).toBeGreaterThanOrEqual(south - 0.001);
          expect(latitude).toBeLessThanOrEqual(north + 0.001);
        }
      }
    }
  });

  test('streets do not run through lakes', () => {
    const { ground, streets } = city();
    const lakes = ground.water.filter((area) => /Lake|Pond|Bay/.test(area.name));
    for (const street of streets) {
      for (const [east, north] of street.parts.flat()) {
        expect(isWet([east, north], { water: lakes, parks: [] })).toBe(false);
      }
    }
  });

  test('places have names of their own', () => {
    const names = namedPlaces().map((each) => each.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('Founders Park');
  });
});
