import { useEffect, useMemo } from 'preact/hooks';
import { Heading } from '../app/heading.tsx';
import { Link } from '../app/link.tsx';
import { useNow } from '../app/now.ts';
import { usePage } from '../app/page.ts';
import { placeName } from '../map/city.ts';
import { Announcer } from './announcer.tsx';
import { Cancel } from './cancel.tsx';
import { EtaCard } from './eta-card.tsx';
import { FlightFacts } from './flight-facts.tsx';
import { followDelivery } from './following.ts';
import { LiveChip } from './live-chip.tsx';
import { Outcome } from './outcome.tsx';
import { Proof } from './proof.tsx';
import { sceneOf } from './scene.ts';
import { ShareLink } from './share-link.tsx';
import { timeline } from './timeline.ts';
import { TimelineList } from './timeline-list.tsx';

export function DeliveryPage({ deliveryId }: { deliveryId: string }) {
  const page = usePage();
  const now = useNow();
  const following = useMemo(() => followDelivery(page, deliveryId), [deliveryId]);
  useEffect(() => following.stop, [following]);
  const state = following.state.value;
  const problem = following.problem.value;
  useEffect(() => {
    page.scene.value = sceneOf(state, now);
  }, [state, state.latest && now - state.latest.takenAt > 15_000]);

  if (problem) {
    return (
      <div class="stack">
        <Heading title="This delivery cannot be shown" />
        <p class="notice error">
          {problem.status === 404 ? 'There is no such delivery in your account.' : problem.message}
        </p>
        <Link to="/" class="button">
          Back
        </Link>
      </div>
    );
  }
  const serverNow = following.serverNow();
  const { status, dropoff, pickup, hasEnded } = state;
  const name = (place: typeof dropoff) => (place ? placeName(place, page.city.addresses) : '…');
  const age = state.latest && now - state.latest.takenAt;
  const isCustomer = page.session.person.value?.isOperator === false;
  return (
    <div class="stack delivery">
      <div class="between">
        <Link to="/" class="back">
          {isCustomer ? 'Back' : 'Fleet'}
        </Link>
        {status?.carrier !== 'third-party' && (
          <LiveChip
            age={age}
            isConnected={state.stream === 'open' || state.stream === 'waiting'}
            isLinkLost={state.isLinkLost}
            hasEnded={hasEnded}
          />
        )}
      </div>
      <Heading title={`Delivery to ${name(dropoff)}`}>
        <span class="hidden">Delivery from {name(pickup)} to </span>
        <span aria-hidden="true">To </span>
        {name(dropoff)}
      </Heading>
      <p class="lead from">from {name(pickup)}</p>
      <EtaCard state={state} serverNow={serverNow} age={age} />
      <FlightFacts state={state} />
      <Outcome state={state} isOperator={!isCustomer} />
      <Proof following={following} />
      {status?.carrier === 'third-party' && !hasEnded && (
        <p class="notice">A courier brings this parcel. There is no live position for couriers.</p>
      )}
      <TimelineList steps={timeline(state)} />
      {status && (
        <p class="parcel">
          {status.request.packageInfo.size} parcel, {status.request.packageInfo.weight} kg
          {status.request.expedited && ', expedited'}
        </p>
      )}
      {isCustomer && (
        <div class="actions">
          {state.stage !== undefined && !hasEnded && <ShareLink deliveryId={deliveryId} />}
          <Cancel following={following} />
        </div>
      )}
      <Announcer state={state} serverNow={serverNow} />
    </div>
  );
}
