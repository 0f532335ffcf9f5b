/** What signals say: a customer's wishes that cannot be granted any more, and reasons. */
import type { Signal, Story } from '../../shared/saga/saga.ts';
import type { Tale } from './tale.ts';

/** The binding answer goes into the status. False when the signal is no wish. */
export function* refuse(tale: Tale, { kind }: Signal): Story<boolean> {
  if (kind === 'cancel') yield* tale.step('note', { cancel: 'cancelRefused' });
  else if (kind === 'reschedule') yield* tale.step('note', { reschedule: 'rescheduleRefused' });
  else return false;
  return true;
}

export function reasonIn({ facts }: Signal, otherwise: string): string {
  const { reason } = facts;
  return typeof reason === 'string' ? reason : otherwise;
}
