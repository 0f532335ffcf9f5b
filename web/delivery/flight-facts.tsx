import { distance } from '../../shared/geo/distance.ts';
import type { DeliveryState } from './state.ts';

/** The flight in figures, for people who cannot see the map. */
export function FlightFacts({ state }: { state: DeliveryState }) {
  const { latest, pickup, dropoff, hasEnded } = state;
  if (!latest || hasEnded || !pickup || !dropoff) return null;
  const { position, velocity, leg } = latest.position;
  const isOnItsWayToPickup = leg === 'ToPickup' || leg === 'AtPickup';
  const left = distance(position, isOnItsWayToPickup ? pickup : dropoff);
  const speed = Math.hypot(velocity.north, velocity.east) * 3.6;
  return (
    <dl class="figures">
      <div>
        <dt>{isOnItsWayToPickup ? 'To the pickup' : 'To the dropoff'}</dt>
        <dd>{left >= 950 ? `${(left / 1000).toFixed(1)} km` : `${Math.round(left / 10) * 10} m`}</dd>
      </div>
      <div>
        <dt>Speed</dt>
        <dd>{Math.round(speed)} km/h</dd>
      </div>
      <div>
        <dt>Height</dt>
        <dd>{Math.max(0, Math.round(position.altitude))} m</dd>
      </div>
    </dl>
  );
}
