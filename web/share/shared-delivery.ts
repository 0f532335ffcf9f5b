/** Reads the delivery behind a share link periodically: share links have no stream. */
import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { getPublicDelivery as contract } from '../../shared/contracts/deliveries.ts';
import { getPublicDelivery } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { backoff, pause } from '../server/pause.ts';
import { asProblem } from '../server/problem.ts';

export type Shared = z.output<(typeof contract)['responses'][200]>;

export interface SharedDelivery {
  /** Undefined until it is known, and once the link no longer works. */
  readonly shared?: Shared | undefined;
  /** Why nothing, or nothing new, is shown. */
  readonly message?: string | undefined;
}

const ENDS: ReadonlySet<string> = new Set(['Completed', 'Cancelled', 'Failed']);
const EVERY_MS = 4_000;
const NOT_VALID = 'This link is not valid, or no longer valid. Ask the sender for a new one.';

export const hasEnded = ({ stage }: Shared) => ENDS.has(stage);

export function useSharedDelivery(token: string): SharedDelivery {
  const { call } = usePage();
  const [state, setState] = useState<SharedDelivery>({});
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const read = async () => {
      for (let failures = 0; !signal.aborted; ) {
        try {
          const shared = await call(getPublicDelivery, { params: { token }, signal });
          failures = 0;
          setState({ shared });
          if (hasEnded(shared)) return;
        } catch (thrown) {
          if (signal.aborted) return;
          const problem = asProblem(thrown);
          // Revoked, expired or never valid: the earlier content must no longer be visible.
          if (!problem.mayPass) return setState({ message: NOT_VALID });
          failures += 1;
          setState(({ shared }) => ({ shared, message: problem.message }));
        }
        await pause(failures > 0 ? EVERY_MS + backoff(failures) : EVERY_MS, signal);
        while (document.hidden && !signal.aborted) await pause(1_000, signal);
      }
    };
    void read();
    return () => stop.abort();
  }, [token]);
  return state;
}
