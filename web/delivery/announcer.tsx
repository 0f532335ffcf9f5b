import { useRef } from 'preact/hooks';
import type { DeliveryState } from './state.ts';
import { announcement, timeline } from './timeline.ts';

const LEAST_MS = 30_000;

/** For those who hear the page: at each new step at once, else at most every 30 s. */
export function Announcer({ state, serverNow }: { state: DeliveryState; serverNow: number }) {
  const said = useRef({ step: '', at: 0, text: '' });
  const step = timeline(state).findLast((each) => each.state !== 'next')?.label ?? '';
  if (step !== said.current.step || serverNow - said.current.at >= LEAST_MS) {
    said.current = { step, at: serverNow, text: announcement(state, serverNow) };
  }
  return (
    <p class="hidden" role="status" aria-live="polite">
      {said.current.text}
    </p>
  );
}
