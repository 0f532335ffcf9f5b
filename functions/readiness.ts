/**
 * Reports readiness. At most one probe of each dependency runs at a time, for any number of callers.
 *
 * H1 Callers share the probe under way, and its answer for `KEPT_MS`; so their calls add no load to the dependencies.
 * H2 A probe that is late counts as unavailable, and no caller waits for it any longer.
 */
import { withDeadline } from '../shared/deadline.ts';

export type Availability = 'ok' | 'unavailable';
export type Readiness<Name extends string> = Readonly<Record<Name, Availability>> & {
  readonly ready: boolean;
};

const TIMEOUT_MS = 1_500;
const KEPT_MS = 1_000;

/** @param now milliseconds */
export function createReadiness<Name extends string>(
  probes: Readonly<Record<Name, () => Promise<unknown>>>,
  now: () => number,
): () => Promise<Readiness<Name>> {
  let current: Promise<Readiness<Name>> | undefined;
  let endedAt = Number.NEGATIVE_INFINITY;
  let isRunning = false;
  const run = async () => {
    isRunning = true;
    const names = Object.keys(probes) as Name[];
    const answers = await Promise.all(
      names.map(async (name) => [name, await probe(name, probes[name])] as const),
    );
    isRunning = false;
    endedAt = now();
    const ready = answers.every(([, answer]) => answer === 'ok');
    return { ready, ...(Object.fromEntries(answers) as Record<Name, Availability>) };
  };
  return () => {
    if (!current || (!isRunning && now() - endedAt >= KEPT_MS)) current = run();
    return current;
  };
}

async function probe(name: string, ask: () => Promise<unknown>): Promise<Availability> {
  try {
    await withDeadline(ask(), TIMEOUT_MS, name);
    return 'ok';
  } catch {
    return 'unavailable';
  }
}
