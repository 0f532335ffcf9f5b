import { Link } from '../app/link.tsx';
import { activity, type FleetDrone } from './state.ts';

/** The drone that was chosen in the list or on the map. */
export function SelectedDrone({ drone, onClose }: { drone: FleetDrone; onClose: () => void }) {
  return (
    <section class="card selected" aria-label="Selected drone">
      <p>
        <b>{drone.droneId}</b> · {activity(drone)} · battery {`${Math.round(drone.battery * 100)}\u00a0%`}
      </p>
      <div class="two">
        {drone.deliveryId ? (
          <Link to={`/deliveries/${drone.deliveryId}`} class="button">
            Follow its delivery
          </Link>
        ) : (
          <span class="note">It has no delivery.</span>
        )}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </section>
  );
}
