/** Seeded randomness. Its state is plain data, so it is stored with the drone or weather it drives. Source: sfc32 of PractRand (public domain). */

export interface RandomState {
  a: number;
  b: number;
  c: number;
  counter: number;
}

/** A separate stream for each name under one seed. */
export function randomStream(seed: number, name: string): RandomState {
  const state: RandomState = { a: seed | 0, b: hash(name), c: hash(`${name}/${seed}`), counter: 1 };
  for (let i = 0; i < 15; i += 1) uniform(state);
  return state;
}

/** A number in [0, 1). */
export function uniform(state: RandomState): number {
  const sum = (((state.a + state.b) | 0) + state.counter) | 0;
  state.counter = (state.counter + 1) | 0;
  state.a = state.b ^ (state.b >>> 9);
  state.b = (state.c + (state.c << 3)) | 0;
  state.c = (((state.c << 21) | (state.c >>> 11)) + sum) | 0;
  return (sum >>> 0) / 4294967296;
}

/** Normally distributed: mean 0, deviation 1 (Box and Muller). */
export function normal(state: RandomState): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(state)));
  return radius * Math.cos(2 * Math.PI * uniform(state));
}

/**
 * The next value of a first-order Gauss-Markov process with mean 0: correlated over `tau` seconds, deviation `sigma`.
 * `dt` in seconds.
 */
export function gaussMarkov(
  state: RandomState,
  value: number,
  dt: number,
  tau: number,
  sigma: number,
): number {
  const keep = Math.exp(-dt / tau);
  return value * keep + sigma * Math.sqrt(1 - keep * keep) * normal(state);
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) as number), 0x01000193);
  return value | 0;
}
