/** Fabrikam's service area in one place: the city, its geocoder and its map. */
export { type NamedBase, SERVICE_AREA, type ServiceArea } from './city.ts';
export { type CityMap, cityMap, type MapFeature } from './city-map.ts';
export { DEMO_ADDRESSES, geocode } from './geocode.ts';
