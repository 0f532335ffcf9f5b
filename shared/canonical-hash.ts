import { createHash } from 'node:crypto';

/** SHA-256 of a JSON value, hexadecimal. The order of an object's keys makes no difference. */
export function canonicalHash(value: unknown): string {
  const canonical = JSON.stringify(value ?? null, (_, member: unknown) =>
    member && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
  return createHash('sha256').update(canonical).digest('hex');
}
