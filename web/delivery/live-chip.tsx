import { type LiveFacts, liveChip } from './freshness.ts';

/** How old the picture is. Not announced: it changes each second. */
export function LiveChip(facts: LiveFacts) {
  const { tone, text } = liveChip(facts);
  return (
    <p class={`chip chip-${tone}`}>
      <i aria-hidden="true" />
      {text}
    </p>
  );
}
