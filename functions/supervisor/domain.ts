/** Pure rules of the supervisor: the actions of a round, and the changes of dead letters and work items. */
import { createHash } from 'node:crypto';
import type { DeadLetter, SupervisorAct, WorkItem } from '../../shared/contracts/supervisor.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { LetterDocument, WatchDocument, WorkItemDocument } from './schemas.ts';

/** Rounds in which an overdue workflow is only woken; after them it is given up. */
export const NUDGE_ROUNDS = 3;
/** Rounds without progress before an operator is alerted. */
export const TELL_ROUNDS = 8;
/** An effect without a workflow may just be being made or compensated: it is ignored for this many rounds. */
export const ORPHAN_GRACE_ROUNDS = 2;
/** Two rounds within this time count as one, ms. */
export const ROUND_GAP_MS = 2_000;

export type Measure = 'nudge' | 'compensate' | 'tell';

/**
 * Decides what to do with a workflow that is overdue for the nth round in a row. After the pivot there is no way back, and
 * a failed compensation is repeated by itself: both are only woken. Repetitions become rarer.
 */
export function measuresFor(workflow: WorkflowView, rounds: number): Measure[] {
  const failed = workflow.state === 'CompensationFailed';
  const forwardOnly = workflow.pastPivot || failed || workflow.state === 'Compensating';
  const tell: Measure[] = failed || rounds >= TELL_ROUNDS ? ['tell'] : [];
  if (rounds <= NUDGE_ROUNDS) return ['nudge', ...tell];
  if (!isPowerOfTwo(rounds - NUDGE_ROUNDS)) return tell;
  return [forwardOnly ? 'nudge' : 'compensate', ...tell];
}

function isPowerOfTwo(n: number): boolean {
  return n > 0 && (n & (n - 1)) === 0;
}

/** The watch after one more sighting; undefined if this round has already been counted. */
export function sighted(
  known: WatchDocument | undefined,
  seen: Pick<WatchDocument, 'id' | 'deliveryId' | 'mark'>,
  now: Date,
): WatchDocument | undefined {
  const at = now.toISOString();
  if (!known || known.mark !== seen.mark) return { ...seen, type: 'watch', rounds: 1, lastAt: at };
  if (now.getTime() - Date.parse(known.lastAt) < ROUND_GAP_MS) return undefined;
  return { ...known, rounds: known.rounds + 1, lastAt: at };
}

/** The mark changes with every move of the workflow: one that moves is not stuck. */
export function markOf({ generation, step, completeBy, state }: WorkflowView): string {
  const phase = state === 'CompensationFailed' || state === 'Compensating' ? 'compensate' : step;
  return JSON.stringify([generation, phase, phase === 'compensate' ? null : completeBy]);
}

/** The step that the last error names (`bookCarrier: …`), or else the current step. */
export function failedStepOf({ state, step, lastError }: WorkflowView): string {
  const named = state === 'CompensationFailed' ? /^([A-Za-z]+): /.exec(lastError ?? '')?.[1] : undefined;
  return named ?? step.replace(/^compensate /, '');
}

/** Made of hub, partition and sequence number, or of the payload if the source gave no number. */
export function letterId(
  letter: Pick<DeadLetter, 'hub' | 'partition' | 'sequenceNumber' | 'payload'>,
): string {
  const { hub, partition, sequenceNumber, payload } = letter;
  const digest = () => createHash('sha256').update(payload).digest('hex').slice(0, 24);
  const position = sequenceNumber >= 0 ? String(sequenceNumber) : `x${digest()}`;
  return shortened([hub, partition || 'none', position].map(safe).join('-'));
}

export function workItemId({ kind, step }: Pick<WorkItem, 'kind' | 'step'>): string {
  return shortened(`${kind}-${safe(step)}`);
}

/** An id of at most 100 characters; a longer one ends in its digest, so that no two become the same. */
function shortened(id: string): string {
  return id.length <= 100
    ? id
    : `${id.slice(0, 83)}-${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}

function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9._~-]/g, '_');
}

export interface Act {
  readonly by: string;
  readonly action: string;
  readonly at: string;
  readonly note?: string | undefined;
}

interface Audited {
  readonly status: string;
  readonly audit: readonly SupervisorAct[];
}

/** The document with a change and its audit: who, when, why, and the fields that changed, before and after. */
export function audited<T extends Audited>(document: T, change: Partial<T>, { note, ...act }: Act): T {
  const changed = Object.keys(change) as (keyof T)[];
  const before = Object.fromEntries(changed.map((field) => [field, document[field] ?? null]));
  const entry = { ...act, ...(note ? { note } : {}), before, after: { ...change } };
  return { ...document, ...change, audit: [...document.audit, entry] };
}

/** @throws AppError `conflict` when it was replayed or discarded, or is being replayed */
export function checkOpen(letter: LetterDocument, now: Date): void {
  if (letter.status !== 'Open')
    throw new AppError('conflict', `the dead letter has already been ${letter.status.toLowerCase()}`);
  if (letter.claimedUntil && letter.claimedUntil > now.toISOString()) {
    throw new AppError('conflict', 'the dead letter is being replayed; read it again');
  }
}

/** When the same problem recurs, opens a work item that an operator had retried. Undefined: it stays as it is. */
export function reopened(known: WorkItemDocument, detail: string, at: string): WorkItemDocument | undefined {
  if (known.status === 'Open' || known.settledBy !== 'retry') return undefined;
  const { settledBy: _settledBy, ttl: _ttl, ...settled } = known;
  const act = { by: 'supervisor', action: 'reopened', at };
  return audited<WorkItemDocument>(settled, { status: 'Open', detail }, act);
}

/** The contract leaves out what the document has beside: type, claim, sort key. */
export function letterView(letter: LetterDocument): DeadLetter {
  return { ...letter, audit: [...letter.audit] };
}

export function workItemView(item: WorkItemDocument): WorkItem {
  return { ...item, audit: [...item.audit] };
}
