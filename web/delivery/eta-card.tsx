import { duration, etaText } from './eta.ts';
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

/** The one thing that people look at. */
export function EtaCard({ state, serverNow }: { state: DeliveryState; serverNow: number }) {
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
