/** Explains the end of a delivery to customers, without details of the fleet or of the system. */

/** One sentence for each code. Programs decide by the code. */
export const OUTCOME_SENTENCES = {
  delivered: 'The parcel was delivered.',
  cancelled_by_customer: 'The delivery was cancelled.',
  not_accepted: 'The request was not accepted and will not be carried out.',
  account_unknown: 'This user may not send for this account.',
  account_suspended: 'The account is suspended.',
  over_quota: 'The account has reached its quota.',
  package_refused: 'The package cannot be used for this delivery.',
  no_drone_or_courier: 'No drone and no courier could take this delivery in time.',
  returned_to_sender: 'The drone could not deliver the parcel and brought it back.',
  stopped_by_staff: 'Our staff stopped the delivery.',
  no_progress: 'The delivery made no progress in time.',
  not_carried_out: 'The delivery could not be carried out. Please contact us.',
} as const;
export type OutcomeCode = keyof typeof OUTCOME_SENTENCES;
export type OutcomeKind = 'completed' | 'cancelled' | 'rejected' | 'returned' | 'failed';

const CODE_OF_KIND: Readonly<Record<OutcomeKind, OutcomeCode>> = {
  completed: 'delivered',
  cancelled: 'cancelled_by_customer',
  rejected: 'not_carried_out',
  returned: 'returned_to_sender',
  failed: 'not_carried_out',
};

interface AnyOutcome {
  readonly kind: OutcomeKind;
  readonly code?: OutcomeCode | undefined;
  readonly reasons: readonly string[];
  readonly at: string;
}

/** Replaces the operators' reasons by the code's sentence, in a status, an event, a stage or a history entry. */
export function customerOutcome({ kind, code = CODE_OF_KIND[kind], at }: AnyOutcome) {
  const sentence: string = OUTCOME_SENTENCES[code];
  return { kind, code, sentence, reasons: kind === 'completed' ? [] : [sentence], at };
}

/** Keeps every reason for operators, beside the sentence that customers read. */
export function operatorOutcome({ kind, code = CODE_OF_KIND[kind], reasons, at }: AnyOutcome) {
  return { kind, code, sentence: OUTCOME_SENTENCES[code] as string, reasons: [...reasons], at };
}
