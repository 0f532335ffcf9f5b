/** Explains the end of a delivery to the customer in one sentence. Pure. */
import type { Status } from './state.ts';

type Outcome = NonNullable<Status['outcome']>;

const SENTENCES: Readonly<Record<Outcome['kind'], string>> = {
  completed: 'The parcel was delivered.',
  rejected:
    'This delivery is not possible: no drone and no courier could take it in time. Nothing is charged.',
  cancelled: 'The delivery was cancelled. Nothing is charged.',
  returned: 'The drone could not deliver the parcel and brought it back.',
  failed: 'The delivery failed. Please contact us.',
};

/** An outcome with a code has the service's sentence for the customer; operators also get each reason. */
export function outcomeSentence({ kind, code, reasons }: Outcome, isOperator: boolean): string {
  const [sentence] = reasons;
  return code && sentence && !isOperator ? sentence : SENTENCES[kind];
}
