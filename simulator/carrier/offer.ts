/** The van's offers: what it takes, for how much, and when it comes. */
import { z } from 'zod';
import { PackageSize, Position, Time } from '../../shared/contracts/common.ts';
import { distance } from '../../shared/geo/distance.ts';

/** The van takes no more, kg. */
export const MAX_WEIGHT = 25;
const CITY_SPEED = 8;
const TO_COLLECT_SECONDS = 600;
const BASE_PRICE = 9;
const PER_KILOMETRE = 1.4;
const PER_KILOGRAM = 0.35;
/** The van is at most so much earlier or later than it says. */
const SPREAD = 0.25;

export const Quote = z.object({
  pickup: Position,
  dropoff: Position,
  weight: z.number().positive(),
  size: PackageSize,
  deadline: Time.optional(),
});
export const Order = Quote.extend({ callbackUrl: z.url() });
export type Order = z.output<typeof Order>;

export interface Offer {
  readonly price: { readonly amount: number; readonly currency: string };
  readonly pickupEta: Window;
  readonly deliveryEta: Window;
  readonly toCollect: number;
  readonly toDeliver: number;
}

interface Window {
  readonly at: string;
  readonly earliest: string;
  readonly latest: string;
}

/** Why the van does not take it; empty when it does. */
export function refusalsOf({ weight }: z.output<typeof Quote>): string[] {
  return weight > MAX_WEIGHT ? [`weight ${weight} kg exceeds ${MAX_WEIGHT} kg`] : [];
}

/** `now` in ms since the epoch; `speed`: simulated seconds per second. */
export function offerFor(asked: z.output<typeof Quote>, now: number, speed: number): Offer {
  const metres = distance(asked.pickup, asked.dropoff);
  const toCollect = TO_COLLECT_SECONDS / speed;
  const toDeliver = metres / CITY_SPEED / speed;
  const at = (seconds: number): Window => {
    const point = (factor: number) => new Date(now + seconds * factor * 1000).toISOString();
    return { at: point(1), earliest: point(1 - SPREAD), latest: point(1 + SPREAD) };
  };
  const amount =
    Math.round((BASE_PRICE + (PER_KILOMETRE * metres) / 1000 + PER_KILOGRAM * asked.weight) * 100) / 100;
  return {
    price: { amount, currency: 'USD' },
    pickupEta: at(toCollect),
    deliveryEta: at(toCollect + toDeliver),
    toCollect,
    toDeliver,
  };
}
