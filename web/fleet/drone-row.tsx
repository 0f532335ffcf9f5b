import { Link } from '../app/link.tsx';
import { doing, type FleetDrone, toneOf } from './state.ts';

export interface DroneRowProps {
  readonly drone: FleetDrone;
  readonly isSelected: boolean;
  readonly onSelect: () => void;
}

const LOW = 0.3;

export function DroneRow({ drone, isSelected, onSelect }: DroneRowProps) {
  const percent = Math.round(drone.battery * 100);
  return (
    <li class={`drone tone-${toneOf(drone)}`}>
      <button type="button" class="row" aria-pressed={isSelected} onClick={onSelect}>
        <i aria-hidden="true" />
        <span>
          <b>{drone.droneId}</b>
          <small>{doing(drone)}</small>
        </span>
        <span class={`battery ${drone.battery < LOW ? 'is-low' : ''}`}>
          <meter min={0} max={100} value={percent} aria-label={`Battery of ${drone.droneId}`} />
          {percent} %
        </span>
      </button>
      {isSelected && drone.deliveryId && (
        <Link to={`/deliveries/${drone.deliveryId}`} class="button">
          Follow its delivery
        </Link>
      )}
    </li>
  );
}
