import { useEffect, useMemo, useState } from 'preact/hooks';
import { Heading } from '../app/heading.tsx';
import { useNow } from '../app/now.ts';
import { usePage } from '../app/page.ts';
import { clock } from '../delivery/eta.ts';
import { freshness } from '../delivery/freshness.ts';
import { LiveChip } from '../delivery/live-chip.tsx';
import { DroneList } from './drone-list.tsx';
import { useFleet } from './fleet-stream.ts';
import { SelectedDrone } from './selected-drone.tsx';
import { counts, FILTERS, type Filter, listed, orderOf, sceneDrones, skewOf } from './state.ts';

const FILTER_WORDS: Readonly<Record<Filter, string>> = {
  all: 'All',
  flying: 'Working',
  idle: 'At base',
  lost: 'Lost',
};

export function FleetPage() {
  const page = usePage();
  const now = useNow();
  const { drones, receivedAt, stream, problem } = useFleet();
  const [filter, setFilter] = useState<Filter>('all');
  const [selected, setSelected] = useState<string | undefined>(undefined);
  const toggle = (id: string) => setSelected((before) => (before === id ? undefined : id));
  useEffect(() => {
    page.onDrone.value = toggle;
    return () => {
      page.onDrone.value = undefined;
    };
  }, []);
  const count = useMemo(() => counts(drones), [drones]);
  const ids = drones.map(({ droneId }) => droneId);
  const order = useMemo(() => orderOf(ids), [ids.join()]);
  const shown = useMemo(() => listed(drones, filter, order), [drones, filter]);
  const age = receivedAt === undefined ? undefined : now - receivedAt;
  const isStale = age !== undefined && freshness(age) === 'lost';
  useEffect(() => {
    if (receivedAt === undefined) return;
    const skew = skewOf(drones, receivedAt);
    page.scene.value = { fleet: sceneDrones(shown, { skew, isStale }), selected };
  }, [shown, selected, isStale]);

  const chosen = drones.find(({ droneId }) => droneId === selected);
  return (
    <div class={`stack fleet ${isStale ? 'is-stale' : ''}`}>
      <div class="between">
        <p class="eyebrow">Operations</p>
        <LiveChip age={age} isConnected={stream === 'open'} isLinkLost={false} hasEnded={false} />
      </div>
      <Heading title="Fleet" />
      {problem && <p class="notice error">{problem}</p>}
      {isStale && receivedAt !== undefined && (
        <p class="notice warn" role="status">
          Tracking does not answer. The list and the map show the fleet as it was at {clock(receivedAt, true)}
          .
        </p>
      )}
      <div class="filters" role="group" aria-label="Show">
        {FILTERS.map((each) => (
          <button key={each} type="button" aria-pressed={filter === each} onClick={() => setFilter(each)}>
            <b>{count[each]}</b>
            {FILTER_WORDS[each]}
          </button>
        ))}
      </div>
      {chosen && <SelectedDrone drone={chosen} onClose={() => setSelected(undefined)} />}
      <DroneList drones={shown} selected={selected} onSelect={toggle} />
    </div>
  );
}
