import { useRef } from 'preact/hooks';
import type { DeliveryState } from './state.ts';
import { announcement, timeline } from './timeline.ts';

const EVERY_MS = 30_000;

/** Announces the progress of the delivery to screen readers: each new step at once, the time left every 30 s. */
export function Announcer({ state, serverNow }: { state: DeliveryState; serverNow: number }) {
  const said = useRef({ step: '', at: 0, text: '' });
  const step = timeline(state).findLast((each) => each.state !== 'next')?.label ?? '';
  if (step !== said.current.step || serverNow - said.current.at >= EVERY_MS) {
    said.current = { step, at: serverNow, text: announcement(state, serverNow) };
  }
  return (
    <p class="hidden" role="status" aria-live="polite">
      {said.current.text}
    </p>
  );
}
