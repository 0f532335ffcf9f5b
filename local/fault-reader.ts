/** Checks the JSON of an injected fault, for all servers. */

/**
 * Reads a fault of one of the kinds; `types` has the type of each other field.
 * @throws (the reader) Error with the reason
 * @example faultReader<Fault>(['delay', 'drop'], { hub: 'string', delayMs: 'number' })
 */
export function faultReader<F extends { readonly kind: string }>(
  kinds: readonly F['kind'][],
  types: Readonly<Record<Exclude<keyof F & string, 'kind'>, 'string' | 'number'>>,
): (value: unknown) => F {
  const typeOf: Readonly<Record<string, string>> = { ...types, kind: 'string' };
  return (value) => {
    for (const [name, field] of Object.entries(Object(value) as object)) {
      if (typeOf[name] !== typeof field) throw new Error(`a fault has no ${name} of this type`);
      if (typeof field === 'number' && !(field >= 0)) throw new Error(`${name} is negative`);
    }
    if (!(kinds as readonly unknown[]).includes((value as Partial<F> | null)?.kind))
      throw new Error('a fault needs one of the known kinds');
    return value as F;
  };
}
