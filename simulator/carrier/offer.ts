/** Checks whether the sample carrier's van can carry a parcel, and makes its offer. Pure. */
import { z } from 'zod';
import { PackageSize, Position, Time } from '../../shared/contracts/common.ts';
import { distance } from '../../shared/geo/distance.ts';

export const Quote = z.object({
  pickup: Position,
  dropoff: Position,
  weight: z.number().positive(),
  size: PackageSize,
  deadline: Time.optional(),
});
export type Quote = z.output<typeof Quote>;

export const Order = Quote.extend({ callbackUrl: z.url() });
export type Order = z.output<typeof Order>;

interface Window {
  readonly at: string;
  readonly earliest: string;
  readonly latest: string;
}

export interface Offer {
  readonly price: { readonly amount: number; readonly currency: string };
  readonly pickupEta: Window;
  readonly deliveryEta: Window;
  /** Seconds from now until the van leaves for the pickup. */
  readonly toDepart: number;
  /** Seconds from then to the pickup, and from there to the dropoff. */
  readonly toCollect: number;
  readonly toDeliver: number;
}

/** Largest load of the van, kg. */
const MAX_WEIGHT = 25;
const CITY_SPEED = 8;
const TO_DEPART_SECONDS = 240;
const TO_COLLECT_SECONDS = 360;
const BASE_PRICE = 9;
const PER_KILOMETRE = 1.4;
const PER_KILOGRAM = 0.35;
/** How much earlier or later than its estimate the van may be. */
const SPREAD = 0.25;

/** The reasons why the van cannot carry the parcel; empty when it can. */
export function refusalsOf({ weight }: Quote): string[] {
  return weight > MAX_WEIGHT ? [`weight ${weight} kg exceeds ${MAX_WEIGHT} kg`] : [];
}

/** @param now ms @param speed simulated seconds per second */
export function offerFor(quote: Quote, now: number, speed: number): Offer {
  const metres = distance(quote.pickup, quote.dropoff);
  const toDepart = TO_DEPART_SECONDS / speed;
  const toCollect = TO_COLLECT_SECONDS / speed;
  const toDeliver = metres / CITY_SPEED / speed;
  const after = (seconds: number): Window => {
    const point = (factor: number) => new Date(now + seconds * factor * 1000).toISOString();
    return { at: point(1), earliest: point(1 - SPREAD), latest: point(1 + SPREAD) };
  };
  const amount = BASE_PRICE + (PER_KILOMETRE * metres) / 1000 + PER_KILOGRAM * quote.weight;
  return {
    price: { amount: Math.round(amount * 100) / 100, currency: 'USD' },
    pickupEta: after(toDepart + toCollect),
    deliveryEta: after(toDepart + toCollect + toDeliver),
    toDepart,
    toCollect,
    toDeliver,
  };
}
