/** Fabrikam's service area in one place: the city, its geocoder and its map. */
export { type NamedBase, SERVICE_AREA } from './city.ts';
export { cityMap } from './city-map.ts';
export { DEMO_ADDRESSES, geocode } from './geocode.ts';
