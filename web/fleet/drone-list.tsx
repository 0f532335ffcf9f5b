import { useRef } from 'preact/hooks';
import { useRowWindow } from '../app/row-window.ts';
import { activity, type FleetDrone, toneOf } from './state.ts';

/** Height of a row and the gap below it, pixels; must equal live.css. */
const ROW_HEIGHT = 64;
const LOW = 0.3;

export interface DroneListProps {
  readonly drones: readonly FleetDrone[];
  readonly selected: string | undefined;
  readonly onSelect: (droneId: string) => void;
}

export function DroneList({ drones, selected, onSelect }: DroneListProps) {
  const list = useRef<HTMLUListElement>(null);
  const { first, end } = useRowWindow(list, drones.length, ROW_HEIGHT);
  return (
    <ul
      ref={list}
      class="drones"
      style={{
        paddingTop: `${first * ROW_HEIGHT}px`,
        paddingBottom: `${(drones.length - end) * ROW_HEIGHT}px`,
      }}
    >
      {drones.slice(first, end).map((drone, index) => (
        <li
          key={drone.droneId}
          class={`drone tone-${toneOf(drone)}`}
          aria-setsize={drones.length}
          aria-posinset={first + index + 1}
        >
          <button
            type="button"
            class="row"
            aria-pressed={drone.droneId === selected}
            onClick={() => onSelect(drone.droneId)}
          >
            <i aria-hidden="true" />
            <span>
              <b>{drone.droneId}</b>
              <small>{activity(drone)}</small>
            </span>
            <Battery drone={drone} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Battery({ drone: { droneId, battery } }: { drone: FleetDrone }) {
  const percent = Math.round(battery * 100);
  return (
    <span class={`battery ${battery < LOW ? 'is-low' : ''}`}>
      <meter min={0} max={100} value={percent} aria-label={`Battery of ${droneId}`} />
      {percent} %
    </span>
  );
}
