/** Reads the fleet's stream, which tracking offers to operators. */
import { useEffect, useState } from 'preact/hooks';
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';
import type { StreamState } from '../server/stream.ts';
import type { FleetDrone } from './state.ts';

export interface Fleet {
  readonly drones: readonly FleetDrone[];
  /** ms on the browser's clock; undefined until the first frame. */
  readonly receivedAt: number | undefined;
  readonly stream: StreamState;
  readonly problem: string | undefined;
}

const EMPTY: Fleet = { drones: [], receivedAt: undefined, stream: 'connecting', problem: undefined };

export function useFleet(): Fleet {
  const { follow } = usePage();
  const [fleet, setFleet] = useState(EMPTY);
  useEffect(() => {
    const stop = new AbortController();
    const update = (change: Partial<Fleet>) => setFleet((before) => ({ ...before, ...change }));
    follow(
      { fleet: true },
      {
        onFrame: (frame) => update({ drones: (frame as FleetFrame).drones, receivedAt: Date.now() }),
        onState: (stream) => update({ stream }),
        isLast: () => false,
        onUnknown: () => Promise.resolve(false),
      },
      stop.signal,
    ).catch((thrown: unknown) => update({ problem: asProblem(thrown).message }));
    return () => stop.abort();
  }, []);
  return fleet;
}
