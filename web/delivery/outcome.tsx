import type { DeliveryState } from './state.ts';

const LEAD: Readonly<Record<string, string>> = {
  rejected: 'Nobody could take this delivery. Nothing is charged.',
  cancelled: 'The delivery was cancelled, and everything about it undone.',
  returned: 'The drone brought the parcel back.',
  failed: 'The delivery did not succeed.',
};

/** How it ended, and why. */
export function Outcome({ state }: { state: DeliveryState }) {
  const outcome = state.status?.outcome;
  if (!outcome || outcome.kind === 'completed') return null;
  return (
    <section class="notice warn outcome" aria-label="How it ended">
      <p>{LEAD[outcome.kind]}</p>
      {outcome.kind !== 'cancelled' && outcome.reasons.length > 0 && (
        <ul>
          {outcome.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </section>
  );
}
