/** Keeps values in memory, each under a random key that cannot be guessed: codes, refresh tokens, sessions. */
import { randomBytes } from 'node:crypto';

export interface ExpiringStore<T> {
  /** Keeps a value and returns its key. */
  issue(value: T): string;
  /** The value, until it expires. */
  find(key: string): T | undefined;
  /** Takes the value and removes the key. */
  take(key: string): T | undefined;
}

export interface ExpiringStoreOptions {
  readonly lifeMs: number;
  /** Limit; beyond it, the oldest value is removed. */
  readonly maxEntries: number;
  readonly now: () => Date;
}

export function createExpiringStore<T>({ lifeMs, maxEntries, now }: ExpiringStoreOptions): ExpiringStore<T> {
  const entries = new Map<string, { readonly value: T; readonly endsAt: number }>();
  const find = (key: string) => {
    const entry = entries.get(key);
    return entry && entry.endsAt > now().getTime() ? entry.value : undefined;
  };
  return {
    issue(value) {
      const time = now().getTime();
      for (const [key, { endsAt }] of entries) {
        if (endsAt > time && entries.size < maxEntries) break;
        entries.delete(key);
      }
      const key = randomBytes(32).toString('base64url');
      entries.set(key, { value, endsAt: time + lifeMs });
      return key;
    },
    find,
    take(key) {
      const value = find(key);
      entries.delete(key);
      return value;
    },
  };
}
