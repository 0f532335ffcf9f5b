/** Models the wind over the city: a mean that wanders over the hours and grows with height, and gusts of each drone. m/s, m, seconds. */
import { gaussMarkov, normal, type RandomState, randomStream, uniform } from './random.ts';

export interface Vector {
  east: number;
  north: number;
}

export interface Weather {
  random: RandomState;
  /** The wind of the day: speed at 10 m, and the direction to which it blows (radians from north). */
  readonly speed: number;
  readonly direction: number;
  /** Deviation of this hour from it. */
  speedOff: number;
  directionOff: number;
}

const REFERENCE_HEIGHT = 10;
/** Power law over suburban ground. */
const HEIGHT_EXPONENT = 0.2;
const MAX_AT_REFERENCE = 7;
const HOURS = 3000;
const GUST_SECONDS = 7;
const GUST_SHARE = 0.15;

export function createWeather(seed: number): Weather {
  const random = randomStream(seed, 'weather');
  const speed = Math.min(MAX_AT_REFERENCE - 1.5, Math.abs(2.8 + 1.2 * normal(random)));
  return { random, speed, direction: uniform(random) * 2 * Math.PI, speedOff: 0, directionOff: 0 };
}

export function stepWeather(weather: Weather, dt: number): void {
  weather.speedOff = gaussMarkov(weather.random, weather.speedOff, dt, HOURS, 0.8);
  weather.directionOff = gaussMarkov(weather.random, weather.directionOff, dt, HOURS, 0.35);
}

/** The mean wind at a height above ground. */
export function windAt(weather: Weather, height: number): Vector {
  const speed = Math.min(MAX_AT_REFERENCE, Math.max(0, weather.speed + weather.speedOff));
  const strength = speed * (Math.max(1, height) / REFERENCE_HEIGHT) ** HEIGHT_EXPONENT;
  const direction = weather.direction + weather.directionOff;
  return { east: Math.sin(direction) * strength, north: Math.cos(direction) * strength };
}

/** The next gust around a drone, in place. */
export function stepGust(random: RandomState, gust: Vector, meanSpeed: number, dt: number): void {
  const sigma = GUST_SHARE * meanSpeed;
  gust.east = gaussMarkov(random, gust.east, dt, GUST_SECONDS, sigma);
  gust.north = gaussMarkov(random, gust.north, dt, GUST_SECONDS, sigma);
}
