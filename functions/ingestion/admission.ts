/**
 * Remembers for a moment who may ship, so that a busy account is asked once in that time, and not for every request. A
 * refusal is never remembered. An account that is suspended or exhausted in between is refused by its workflow, which
 * holds the quota.
 */
import type { Owner } from '../../shared/contracts/common.ts';

/** How old a remembered admission may be, ms. */
export const ADMISSION_MS = 5_000;
const MAX_REMEMBERED = 10_000;

interface Admission {
  readonly until: number;
  readonly asked: Promise<void>;
}

/** @param ask rejects for an account or user that may not ship */
export function createAdmission(
  ask: (owner: Owner) => Promise<void>,
  now: () => Date,
): (owner: Owner) => Promise<void> {
  const admissions = new Map<string, Admission>();
  return async (owner) => {
    const key = JSON.stringify([owner.accountId, owner.userId]);
    const time = now().getTime();
    const known = admissions.get(key);
    if (known && time < known.until) return known.asked;
    if (admissions.size >= MAX_REMEMBERED) admissions.clear();
    const asked = ask(owner);
    admissions.set(key, { until: time + ADMISSION_MS, asked });
    try {
      await asked;
    } catch (error) {
      admissions.delete(key);
      throw error;
    }
  };
}
