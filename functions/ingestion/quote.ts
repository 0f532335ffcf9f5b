/** Makes quotes: a drone's flight, or else a courier's offer, or else the reasons why there is none. */
import type { z } from 'zod';
import { ownAccount } from '../../shared/auth/tenancy.ts';
import { quoteDrone, type RefusalGroup } from '../../shared/contracts/drones.ts';
import type { quote } from '../../shared/contracts/requests.ts';
import { quoteCarriers } from '../../shared/contracts/third-party.ts';
import type { FieldError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type Handler, invalid } from '../../shared/http/pipeline.ts';
import { checkPlaces, resolve } from './domain.ts';
import { checkOffered } from './offer.ts';
import { dronePrice } from './price.ts';
import { checkMayShip } from './submit.ts';

type Quote = z.output<(typeof quote)['responses'][200]>;
type Carriers = z.output<(typeof quoteCarriers)['responses'][200]>;

/** Reasons that lie in the package: they apply to every drone of a kind, at any time. */
const OF_THE_PACKAGE: ReadonlySet<RefusalGroup['code']> = new Set(['too_large', 'too_heavy']);

export function createQuote(deps: ServiceDeps): Handler<typeof quote> {
  return async ({ body }, call) => {
    const accountId = ownAccount(call.principal);
    const errors: FieldError[] = [];
    const pickup = resolve(body.pickupLocation, 'body.pickupLocation', errors);
    const dropoff = resolve(body.dropOffLocation, 'body.dropOffLocation', errors);
    checkPlaces(pickup, dropoff, errors);
    if (errors.length > 0 || !pickup || !dropoff) throw invalid(errors);
    checkOffered({ expedited: body.expedited }, pickup, dropoff);
    const owner = { userId: call.principal.subject, accountId };
    await checkMayShip(owner, deps);
    const { weight, size } = body.packageInfo;
    const { body: byDrone } = await deps.call(quoteDrone, { body: { pickup, dropoff, weight, size } });
    const { pickupEta, deliveryEta } = byDrone;
    if (byDrone.feasible && byDrone.distance !== undefined && pickupEta && deliveryEta) {
      const price = dronePrice({ distance: byDrone.distance, weight, expedited: body.expedited });
      const served = { feasible: true, by: 'drone' as const, price, pickupEta, deliveryEta, reasons: [] };
      return { status: 200, body: served };
    }
    const { body: carriers } = await deps.call(quoteCarriers, {
      body: { owner, pickup, dropoff, weight, size },
    });
    return { status: 200, body: courierQuote(byDrone.refusals, carriers) };
  };
}

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
