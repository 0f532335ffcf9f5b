import { type LiveFacts, liveChip } from './freshness.ts';

/** Shows how old the picture is. It is not announced, because it changes each second. */
export function LiveChip(facts: LiveFacts) {
  const { tone, text } = liveChip(facts);
  return (
    <p class={`chip chip-${tone}`}>
      <i aria-hidden="true" />
      {text}
    </p>
  );
}
