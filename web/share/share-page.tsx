import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { getPublicDelivery as contract } from '../../shared/contracts/deliveries.ts';
import { getPublicDelivery } from '../../shared/contracts/routes.gen.ts';
import { Heading } from '../app/heading.tsx';
import { useNow } from '../app/now.ts';
import { usePage } from '../app/page.ts';
import { etaText } from '../delivery/eta.ts';
import { placeName } from '../map/city.ts';
import { backoff, pause } from '../server/pause.ts';
import { asProblem } from '../server/problem.ts';

type Shared = z.output<(typeof contract)['responses'][200]>;

const STAGES: Readonly<Record<string, string>> = {
  Created: 'A drone is on it',
  Rescheduled: 'It was planned anew',
  HeadedToPickup: 'The drone flies to the pickup',
  HeadedToDropoff: 'On its way to you',
  Completed: 'Delivered',
  Cancelled: 'Cancelled',
  Failed: 'It did not succeed',
  Returning: 'The parcel goes back',
};
const ENDS: ReadonlySet<string> = new Set(['Completed', 'Cancelled', 'Failed']);
/** Whoever has the link has no stream, so it is asked for, unhurriedly. */
const EVERY_MS = 4_000;

/** What a share link shows: stage, arrival, and where the parcel is once it is on its way. */
export function SharePage({ token }: { token: string }) {
  const page = usePage();
  const now = useNow(1_000);
  const [shared, setShared] = useState<Shared | undefined>(undefined);
  const [message, setMessage] = useState<string | undefined>(undefined);
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      for (let failures = 0; !stop.signal.aborted; ) {
        try {
          const next = await page.call(getPublicDelivery, { params: { token }, signal: stop.signal });
          failures = 0;
          setMessage(undefined);
          setShared(next);
          if (ENDS.has(next.stage)) return;
        } catch (thrown) {
          if (stop.signal.aborted) return;
          const problem = asProblem(thrown);
          setMessage(problem.status === 404 ? 'This link is not valid, or not any more.' : problem.message);
          if (!problem.mayPass) return;
          failures += 1;
        }
        if (!document.hidden)
          await pause(failures > 0 ? EVERY_MS + backoff(failures) : EVERY_MS, stop.signal);
        while (document.hidden && !stop.signal.aborted) await pause(1_000, stop.signal);
      }
    };
    void read();
    return () => stop.abort();
  }, [token]);
  useEffect(() => {
    if (!shared) return;
    const { dropoff, lastKnownLocation, updatedAt } = shared;
    page.scene.value = {
      dropoff,
      ...(lastKnownLocation
        ? {
            heading: 'dropoff',
            drone: {
              id: token,
              takenAt: Date.parse(updatedAt),
              position: lastKnownLocation,
              heading: bearing(lastKnownLocation, dropoff),
              tone: 'flying',
            },
          }
        : {}),
    };
  }, [shared]);

  if (!shared) {
    return (
      <div class="stack">
        <Heading title="Shared delivery" />
        {message ? <p class="notice error">{message}</p> : <p class="lead">One moment…</p>}
      </div>
    );
  }
  const hasEnded = ENDS.has(shared.stage);
  const text = etaText(shared.deliveryEta, now);
  return (
    <div class="stack">
      <p class="eyebrow">Shared with you</p>
      <Heading title={`A delivery to ${placeName(shared.dropoff, page.city.addresses)}`} />
      <p class="lead" role="status">
        {STAGES[shared.stage]}
      </p>
      {!hasEnded && (
        <div class="eta">
          <p class="eta-label">Arrives in</p>
          <p class="eta-big">{text.left}</p>
          <p class="eta-small">
            <b>{text.at}</b> · most likely {text.interval}
          </p>
        </div>
      )}
      {message && <p class="notice warn">{message}</p>}
      <p class="notice">
        The drone stays high and lowers the parcel on a line. Please keep clear until it has flown off.
      </p>
    </div>
  );
}

function bearing(from: Shared['dropoff'], to: Shared['dropoff']): number {
  const east = (to.longitude - from.longitude) * Math.cos((to.latitude * Math.PI) / 180);
  return (Math.atan2(east, to.latitude - from.latitude) * 180) / Math.PI;
}
