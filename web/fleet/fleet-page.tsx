import { useEffect, useState } from 'preact/hooks';
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import { Heading } from '../app/heading.tsx';
import { useNow } from '../app/now.ts';
import { usePage } from '../app/page.ts';
import { LiveChip } from '../delivery/live-chip.tsx';
import { asProblem } from '../server/problem.ts';
import type { StreamState } from '../server/stream.ts';
import { DroneRow } from './drone-row.tsx';
import { counts, FILTERS, type Filter, type FleetDrone, listed, sceneDrones, skewOf } from './state.ts';

const FILTER_WORDS: Readonly<Record<Filter, string>> = {
  all: 'All',
  flying: 'In the air',
  idle: 'On base',
  lost: 'No contact',
};

export function FleetPage() {
  const page = usePage();
  const now = useNow();
  const [drones, setDrones] = useState<readonly FleetDrone[]>([]);
  const [receivedAt, setReceivedAt] = useState<number | undefined>(undefined);
  const [stream, setStream] = useState<StreamState>('connecting');
  const [filter, setFilter] = useState<Filter>('all');
  const [selected, setSelected] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);

  useEffect(() => {
    const stop = new AbortController();
    const onFrame = (frame: unknown) => {
      const fleet = frame as FleetFrame;
      setDrones(fleet.drones);
      setReceivedAt(Date.now());
    };
    page
      .follow(
        { fleet: true },
        { onFrame, onState: setStream, isLast: () => false, onUnknown: () => Promise.resolve(false) },
        stop.signal,
      )
      .catch((thrown: unknown) => setProblem(asProblem(thrown).message));
    page.onDrone.value = (id) => setSelected((before) => (before === id ? undefined : id));
    return () => {
      stop.abort();
      page.onDrone.value = undefined;
    };
  }, []);
  useEffect(() => {
    if (receivedAt === undefined) return;
    const skew = skewOf(drones, receivedAt);
    page.scene.value = { fleet: sceneDrones(drones, skew), selected };
  }, [drones, selected]);

  const count = counts(drones);
  return (
    <div class="stack fleet">
      <div class="between">
        <p class="eyebrow">Operations</p>
        <LiveChip
          age={receivedAt === undefined ? undefined : now - receivedAt}
          isConnected={stream === 'open'}
          isLinkLost={false}
          hasEnded={false}
        />
      </div>
      <Heading title="Fleet" />
      {problem && <p class="notice error">{problem}</p>}
      <div class="filters" role="group" aria-label="Show">
        {FILTERS.map((each) => (
          <button key={each} type="button" aria-pressed={filter === each} onClick={() => setFilter(each)}>
            <b>{count[each]}</b>
            {FILTER_WORDS[each]}
          </button>
        ))}
      </div>
      <ul class="rows">
        {listed(drones, filter).map((drone) => (
          <DroneRow
            key={drone.droneId}
            drone={drone}
            isSelected={drone.droneId === selected}
            onSelect={() => setSelected(drone.droneId === selected ? undefined : drone.droneId)}
          />
        ))}
      </ul>
    </div>
  );
}
