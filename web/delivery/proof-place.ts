/** The place of a proof of delivery: that of the device that took it, or else that of the delivery. */
import type { Position } from '../../shared/contracts/common.ts';

const TIMEOUT_MS = 5_000;

/** @param delivery where the drone is, or the dropoff where there is no drone; used when the device does not say */
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
