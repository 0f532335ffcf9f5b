/** The items of the container `workflows` (partition: delivery). */
import type { z } from 'zod';
import type { Eta } from '../../shared/contracts/common.ts';
import type { StageEvent } from '../../shared/contracts/deliveries.ts';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import type { AcceptedRequest, Reschedule } from '../../shared/contracts/requests.ts';
import type { WorkItem } from '../../shared/contracts/supervisor.ts';
import type { WorkflowAct } from '../../shared/contracts/workflows.ts';
import type { SagaDocument } from '../../shared/saga/saga-document.ts';

/** The drone or carrier for the package, as reserved or booked. */
export interface Assignment {
  readonly by: 'drone' | 'third-party';
  readonly droneId?: string;
  readonly missionId?: string;
  readonly fence?: number;
  readonly carrierId?: string;
  readonly bookingId?: string;
  readonly pickupEta: Eta;
  readonly deliveryEta: Eta;
}

/** The workflow document: everything that must survive the orchestration. */
export interface WorkflowDocument extends SagaDocument<Outcome> {
  readonly id: 'workflow';
  readonly type: 'workflow';
  readonly deliveryId: string;
  readonly request: AcceptedRequest;
  /** Drones that refused this delivery, or were lost to it. */
  readonly excluded: readonly string[];
  readonly cancel?: 'requested' | 'cancelled' | 'cancelRefused';
  readonly reschedule?: 'requested' | 'rescheduled' | 'rescheduleRefused';
  /** Acts of operators and the supervisor, oldest first. */
  readonly audit?: readonly WorkflowAct[];
  readonly createdAt: string;
}

export type StageMove = z.input<typeof StageEvent>;
export type WorkItemFacts = Pick<WorkItem, 'kind' | 'step' | 'detail'>;
export type Note = Pick<WorkflowDocument, 'cancel' | 'reschedule'>;

/** The start of a new generation: another drone, or a changed request. */
export interface Change {
  readonly exclude?: string;
  readonly request?: Reschedule;
  readonly reschedule?: 'rescheduled';
}

/** A request to the engine from code that cannot reach it; the change feed carries it there. */
export interface OrchestrationCommand {
  readonly id: string;
  readonly type: 'engine';
  readonly deliveryId: string;
  readonly command: 'nudge' | 'compensate';
  readonly at: string;
  readonly ttl: number;
}

export const COMMAND_TTL_SECONDS = 24 * 3600;

/** A workflow that has begun to compensate. */
export type EndingWorkflow = WorkflowDocument & { readonly pendingOutcome: Outcome };
