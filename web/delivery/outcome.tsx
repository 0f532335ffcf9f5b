import type { DeliveryState } from './state.ts';

/** Shows how the delivery ended: the service's sentence, and each reason for operators. */
export function Outcome({ state, isOperator }: { state: DeliveryState; isOperator: boolean }) {
  const outcome = state.status?.outcome;
  if (!outcome || outcome.kind === 'completed') return null;
  return (
    <section class="notice warn outcome" aria-label="How it ended">
      <p>{outcome.sentence}</p>
      {isOperator && outcome.reasons.length > 0 && (
        <ul>
          {outcome.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </section>
  );
}
