import type { Step } from './timeline.ts';

const STATES = { done: 'done', current: 'now', next: 'to come', failed: 'ended' } as const;

export function TimelineList({ steps }: { steps: readonly Step[] }) {
  return (
    <ol class="timeline" aria-label="Stages of the delivery">
      {steps.map(({ label, state, time, isExpected, detail }) => (
        <li
          key={label}
          class={`step step-${state}`}
          {...(state === 'current' ? { 'aria-current': 'step' as const } : {})}
        >
          <span class="step-label">
            {label}
            <span class="hidden"> ({STATES[state]})</span>
            {detail && <small>{detail}</small>}
          </span>
          {time && (
            <time>
              {isExpected && <span title="expected">~</span>}
              {time}
            </time>
          )}
        </li>
      ))}
    </ol>
  );
}
