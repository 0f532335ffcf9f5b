/** How a delivery ended: a kind, a stable code and the reasons. */
import { z } from 'zod';
import { OUTCOME_SENTENCES, type OutcomeCode } from '../outcome.ts';
import { Time } from './common.ts';

export const Outcome = z.object({
  kind: z.enum(['completed', 'cancelled', 'rejected', 'returned', 'failed']),
  code: z.enum(Object.keys(OUTCOME_SENTENCES) as [OutcomeCode, ...OutcomeCode[]]).optional(),
  /** What customers read; it is answered, not stored. */
  sentence: z.string().max(200).optional(),
  /** Operators read every detail, customers one sentence. */
  reasons: z.array(z.string().max(2000)).max(10_000),
  at: Time,
});
export type Outcome = z.output<typeof Outcome>;
