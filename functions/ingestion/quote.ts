/** Makes the quote when no drone can fly: a courier's offer, or the reasons why there is none. Pure. */
import type { z } from 'zod';
import type { RefusalGroup } from '../../shared/contracts/drones.ts';
import type { quote } from '../../shared/contracts/requests.ts';
import type { quoteCarriers } from '../../shared/contracts/third-party.ts';

type Quote = z.output<(typeof quote)['responses'][200]>;
type Carriers = z.output<(typeof quoteCarriers)['responses'][200]>;

/** Reasons that lie in the package: they apply to every drone of a kind, at any time. */
const OF_THE_PACKAGE: ReadonlySet<RefusalGroup['code']> = new Set(['too_large', 'too_heavy']);

/** Customers get one sentence for drones and one for couriers; only operators see which of them refused, and why. */
export function courierQuote(refusals: readonly RefusalGroup[], carriers: Carriers): Quote {
  const reasons = [noDrone(refusals)];
  const [best] = carriers.offers.toSorted((a, b) => a.price.amount - b.price.amount);
  if (best) {
    const { price, pickupEta, deliveryEta } = best;
    return { feasible: true, by: 'third-party', price, pickupEta, deliveryEta, reasons };
  }
  if (carriers.silent.length > 0) {
    const unknown = 'a courier did not answer: try again in a moment';
    return { feasible: null, code: 'currently_unknown', reasons: [...reasons, unknown] };
  }
  return {
    feasible: false,
    code: 'not_serviceable',
    reasons: [...reasons, 'no courier can carry the package'],
  };
}

function noDrone(refusals: readonly RefusalGroup[]): string {
  const isPackage = refusals.length > 0 && refusals.every(({ code }) => OF_THE_PACKAGE.has(code));
  return isPackage
    ? 'the package is too large or too heavy for a drone'
    : 'no drone can fly the delivery now';
}
