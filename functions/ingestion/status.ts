/** The status of a request: ingestion's record, merged with the workflow that carries it out. Pure. */
import type { z } from 'zod';
import { canonicalHash } from '../../shared/canonical-hash.ts';
import type { RequestStatus } from '../../shared/contracts/requests.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import { customerOutcome, operatorOutcome } from '../../shared/outcome.ts';
import { answerOf, plannedAnswer } from './domain.ts';
import type { RequestDocument } from './schemas.ts';

type Status = z.input<typeof RequestStatus>;

export interface Viewer {
  /** Operators read every detail, customers a sentence. */
  readonly isOperator: boolean;
  readonly publicOrigin: string;
}

export function statusOf(
  document: RequestDocument,
  workflow: WorkflowView | undefined,
  { isOperator, publicOrigin }: Viewer,
): Status {
  const { acceptedAt } = document.request;
  const base = { deliveryId: document.id, request: answerOf(document.request), acceptedAt };
  if (!workflow) {
    const state = document.status === 'abandoned' ? 'Abandoned' : 'Recorded';
    return { ...base, state, step: 'recorded', attempts: 0, generation: 0, updatedAt: acceptedAt };
  }
  const {
    owner: _owner,
    completeBy: _by,
    fence: _fence,
    pastPivot: _pivot,
    audit: _audit,
    lastError,
    outcome,
    plan,
    deliveryCreated,
    ...view
  } = workflow;
  return {
    ...base,
    ...view,
    ...(lastError && isOperator ? { lastError } : {}),
    ...(outcome ? { outcome: isOperator ? operatorOutcome(outcome) : customerOutcome(outcome) } : {}),
    ...(deliveryCreated ? { delivery: `${publicOrigin}/api/deliveries/${document.id}` } : {}),
    request: plannedAnswer(document.request, plan),
  };
}

/** The status has no version of its own: two services write its parts. Every change in it changes its ETag. */
export function etagOf(status: Status): string {
  return `"${canonicalHash(status).slice(0, 32)}"`;
}
