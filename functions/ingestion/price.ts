/** Fabrikam's tariff for a flight: a base fare, plus distance, plus weight over a kilogram; half as much again for speed. */

const CURRENCY = 'USD';
const BASE_FARE = 3.5;
const PER_KILOMETRE = 0.9;
const PER_KILOGRAM_OVER_ONE = 0.6;
const EXPEDITED_FACTOR = 1.5;

export interface Flight {
  /** m */
  readonly distance: number;
  /** kg */
  readonly weight: number;
  readonly expedited: boolean;
}

export function dronePrice(flight: Flight): { amount: number; currency: string } {
  const plain =
    BASE_FARE +
    PER_KILOMETRE * (flight.distance / 1000) +
    PER_KILOGRAM_OVER_ONE * Math.max(0, flight.weight - 1);
  const amount = plain * (flight.expedited ? EXPEDITED_FACTOR : 1);
  return { amount: Math.round(amount * 100) / 100, currency: CURRENCY };
}
