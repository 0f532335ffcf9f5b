/** Keeps a log short when a cause recurs: one line per minute, with the number of occurrences that it stands for. */

/** A key's occurrences since its last line, or undefined while its line is less than a minute old. */
export type Sampler = (key: string) => number | undefined;

const LINE_EVERY_MS = 60_000;
/** Number of keys that are remembered; the oldest is forgotten. */
const MAX_KEYS = 1_000;

export function createSampler(now: () => number): Sampler {
  const keys = new Map<string, { lineAt: number; unsaid: number }>();
  return (key) => {
    const known = keys.get(key);
    if (known && now() - known.lineAt < LINE_EVERY_MS) {
      known.unsaid += 1;
      return undefined;
    }
    keys.delete(key);
    keys.set(key, { lineAt: now(), unsaid: 0 });
    if (keys.size > MAX_KEYS) keys.delete(keys.keys().next().value as string);
    return (known?.unsaid ?? 0) + 1;
  };
}
