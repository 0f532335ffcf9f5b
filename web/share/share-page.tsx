import { useEffect } from 'preact/hooks';
import { Heading } from '../app/heading.tsx';
import { useNow } from '../app/now.ts';
import { usePage } from '../app/page.ts';
import { etaText } from '../delivery/eta.ts';
import { placeName } from '../map/city.ts';
import { EMPTY_SCENE, type Scene } from '../map/scene.ts';
import { hasEnded, type Shared, useSharedDelivery } from './shared-delivery.ts';

const STAGES: Readonly<Record<Shared['stage'], string>> = {
  Created: 'Planned',
  Rescheduled: 'Planned again',
  HeadedToPickup: 'The drone is flying to the pickup',
  HeadedToDropoff: 'On its way to you',
  Completed: 'Delivered',
  Cancelled: 'Cancelled',
  Failed: 'The delivery failed',
  Returning: 'The parcel is on its way back',
};

/** The view behind a share link: stage, arrival, and the parcel's place once it is on its way. */
export function SharePage({ token }: { token: string }) {
  const page = usePage();
  const now = useNow(1_000);
  const { shared, message } = useSharedDelivery(token);
  useEffect(() => {
    page.scene.value = shared ? sceneOf(shared, token) : EMPTY_SCENE;
  }, [shared]);

  if (!shared) {
    return (
      <div class="stack">
        <Heading title="Shared delivery" />
        {message ? <p class="notice error">{message}</p> : <p class="lead">One moment…</p>}
      </div>
    );
  }
  const text = etaText(shared.deliveryEta, now);
  return (
    <div class="stack">
      <p class="eyebrow">Shared with you</p>
      <Heading title={`A delivery to ${placeName(shared.dropoff, page.city.addresses)}`} />
      <p class="lead" role="status">
        {STAGES[shared.stage]}
      </p>
      {!hasEnded(shared) && (
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
        The drone stays high and lowers the parcel on a line. Please keep clear until it has flown away.
      </p>
    </div>
  );
}

function sceneOf({ dropoff, lastKnownLocation, updatedAt }: Shared, token: string): Scene {
  if (!lastKnownLocation) return { dropoff };
  return {
    dropoff,
    heading: 'dropoff',
    drone: {
      id: token,
      takenAt: Date.parse(updatedAt),
      position: lastKnownLocation,
      heading: bearing(lastKnownLocation, dropoff),
      tone: 'flying',
    },
  };
}

function bearing(from: Shared['dropoff'], to: Shared['dropoff']): number {
  const east = (to.longitude - from.longitude) * Math.cos((to.latitude * Math.PI) / 180);
  return (Math.atan2(east, to.latitude - from.latitude) * 180) / Math.PI;
}
