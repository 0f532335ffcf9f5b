/** Finds the place of a proof of delivery: the position of the device that took it, or else of the delivery. */
import type { Position } from '../../shared/contracts/common.ts';

const TIMEOUT_MS = 5_000;

/** @param delivery position of the drone, or the dropoff if there is no drone; used when the device gives no position */
export function placeOfProof(
  device: Pick<Geolocation, 'getCurrentPosition'> | undefined,
  { latitude, longitude, altitude }: Position,
): Promise<Position> {
  const fallback = { latitude, longitude, altitude };
  if (!device) return Promise.resolve(fallback);
  return new Promise((resolve) => {
    device.getCurrentPosition(
      ({ coords }) => resolve({ latitude: coords.latitude, longitude: coords.longitude, altitude: 0 }),
      () => resolve(fallback),
      { enableHighAccuracy: true, timeout: TIMEOUT_MS, maximumAge: 0 },
    );
  });
}
