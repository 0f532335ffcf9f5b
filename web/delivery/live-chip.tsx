import { type LiveFacts, liveChip } from './freshness.ts';

/** Shows the age of the position. It is not announced, because it changes every second. */
export function LiveChip(facts: LiveFacts) {
  const { tone, text } = liveChip(facts);
  return (
    <p class={`chip chip-${tone}`}>
      <i aria-hidden="true" />
      {text}
    </p>
  );
}
