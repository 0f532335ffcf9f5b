/** Models the battery: energy, loss in the internal resistance, and charging with a taper. Wh, W, seconds. */
import type { Airframe } from './airframe.ts';

const SECONDS_PER_HOUR = 3600;
/** Charging rate until the taper begins, as a share of the capacity per hour. */
const CHARGE_RATE = 1.2;
const TAPER_FROM = 0.85;
const MIN_TAPER = 0.08;
const CHARGE_EFFICIENCY = 0.94;
/** Open-circuit voltage of a lithium pack falls by this share from full to empty. */
const VOLTAGE_DROP = 0.18;

/** Energy after giving `power` for `dt` seconds; a low battery loses more in its resistance. Never below 0. */
export function discharge(airframe: Airframe, energy: number, power: number, dt: number): number {
  const charge = Math.min(1, energy / airframe.capacity);
  const voltage = airframe.voltage * (1 - VOLTAGE_DROP * (1 - charge));
  const current = power / voltage;
  const lost = current * current * airframe.resistance;
  return Math.max(0, energy - ((power + lost) * dt) / SECONDS_PER_HOUR);
}

/** Energy after charging for `dt` seconds, up to `capacity` (the battery's present one). */
export function charge(energy: number, capacity: number, dt: number): number {
  const share = energy / capacity;
  const taper = share < TAPER_FROM ? 1 : Math.max(MIN_TAPER, (1 - share) / (1 - TAPER_FROM));
  return Math.min(
    capacity,
    energy + (capacity * CHARGE_RATE * taper * CHARGE_EFFICIENCY * dt) / SECONDS_PER_HOUR,
  );
}
