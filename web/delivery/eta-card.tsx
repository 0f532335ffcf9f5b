import { clock, duration, etaText } from './eta.ts';
import { freshness } from './freshness.ts';
import type { DeliveryState } from './state.ts';

const ENDINGS: Readonly<Record<string, string>> = {
  completed: 'Delivered',
  cancelled: 'Cancelled',
  rejected: 'Not possible',
  returned: 'Came back',
  failed: 'Failed',
  Completed: 'Delivered',
  Cancelled: 'Cancelled',
  Failed: 'Failed',
};

export interface EtaCardProps {
  readonly state: DeliveryState;
  readonly serverNow: number;
  /** Age of the newest position, ms; undefined while there is none. */
  readonly age: number | undefined;
}

/** The arrival time, shown large: it is what people look for. It counts down only while news of the drone arrives. */
export function EtaCard({ state, serverNow, age }: EtaCardProps) {
  const { status, stage, events, deliveryEta, hasEnded } = state;
  if (hasEnded) {
    const label = ENDINGS[status?.outcome?.kind ?? stage ?? ''] ?? 'Ended';
    const end = status?.outcome?.at ?? events.at(-1)?.at;
    const took = end && status ? duration(Date.parse(end) - Date.parse(status.acceptedAt)) : undefined;
    return (
      <div class="eta eta-ended">
        <p class="eta-big">{label}</p>
        {took && label === 'Delivered' && <p class="eta-small">{took} after you asked</p>}
      </div>
    );
  }
  if (stage === 'Returning') {
    return (
      <div class="eta">
        <p class="eta-big">Coming back</p>
        <p class="eta-small">The drone could not deliver and brings the parcel back.</p>
      </div>
    );
  }
  if (!deliveryEta) {
    return (
      <div class="eta">
        <p class="eta-big is-waiting">Getting ready</p>
        <p class="eta-small">The arrival time comes with the drone.</p>
      </div>
    );
  }
  const text = etaText(deliveryEta, serverNow);
  if (age !== undefined && freshness(age) === 'lost') {
    return (
      <div class="eta is-stale">
        <p class="eta-label">Last expected at</p>
        <p class="eta-big">{text.at}</p>
        <p class="eta-small">No news since {clock(serverNow - age, true)}: this may have changed.</p>
      </div>
    );
  }
  return (
    <div class="eta">
      <p class="eta-label">Arrives in</p>
      <p class="eta-big">{text.left}</p>
      <p class="eta-small">
        <b>{text.at}</b> · most likely {text.interval}
      </p>
    </div>
  );
}
