/** Random numbers from a seed: the same seed, the same run. https://github.com/cprosche/mulberry32 */
export interface Random {
  /** 0 to 1, without 1. */
  (): number;
  /** A whole number below `limit`. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return Object.assign(next, { below, pick: <T>(items: readonly T[]): T => items[below(items.length)] as T });
}

/** From the environment variable SEED, else by the clock; printed, so that a failure can be repeated. */
export function seedOf(name: string): number {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`${name}: SEED=${seed}\n`);
  return seed;
}
