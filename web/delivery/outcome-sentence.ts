/** The end of a delivery in one sentence for the customer. Pure. */
import type { Status } from './state.ts';

/** The service may say it in a sentence of its own; its reasons are for operators. */
type Outcome = NonNullable<Status['outcome']> & { readonly sentence?: string };

const SENTENCES: Readonly<Record<Outcome['kind'], string>> = {
  completed: 'The parcel was delivered.',
  rejected:
    'This delivery is not possible: no drone and no courier could take it in time. Nothing is charged.',
  cancelled: 'The delivery was cancelled. Nothing is charged.',
  returned: 'The drone could not deliver the parcel and brought it back.',
  failed: 'The delivery failed. Please contact us.',
};

export function outcomeSentence({ kind, sentence }: Outcome): string {
  return sentence ?? SENTENCES[kind];
}
