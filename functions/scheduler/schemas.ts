/** What the scheduler keeps in the container `workflows` (partition: delivery). */
import type { Eta } from '../../shared/contracts/common.ts';
import type { AcceptedRequest, Outcome } from '../../shared/contracts/requests.ts';
import type { WorkflowView } from '../../shared/contracts/workflows.ts';
import type { Signal } from '../../shared/saga/saga.ts';

/** An effect of a step: intended before it runs, so that one of unknown outcome is undone, too. */
export interface Effect {
  readonly status: 'intended' | 'done' | 'undone' | 'undoFailed';
  readonly generation: number;
  readonly at: string;
  readonly value?: unknown;
}

/** Who carries it, as reserved or booked. */
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

/** The workflow document: all that must survive the orchestration. */
export interface WorkflowDocument {
  readonly id: 'workflow';
  readonly type: 'workflow';
  readonly deliveryId: string;
  readonly request: AcceptedRequest;
  readonly state: WorkflowView['state'];
  readonly step: string;
  readonly attempts: number;
  readonly generation: number;
  readonly completeBy?: string;
  readonly effects: Readonly<Record<string, Effect>>;
  /** Drones that refused, or were lost to, this delivery. */
  readonly excluded: readonly string[];
  readonly cancel?: 'requested' | 'cancelled' | 'cancelRefused';
  readonly reschedule?: 'requested' | 'rescheduled' | 'rescheduleRefused';
  /** How it is going to end: written before anything is undone, so that whoever goes on undoing ends it so. */
  readonly ending?: Outcome;
  readonly outcome?: Outcome;
  readonly lastError?: string;
  readonly traceparent?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** An external event, kept until the workflow has dealt with it. */
export interface InboxDocument extends Signal {
  /** `inbox-${eventId}` */
  readonly id: string;
  readonly type: 'inbox';
  readonly deliveryId: string;
  readonly receivedAt: number;
  readonly handled: boolean;
  readonly ttl: number;
}

/** A wish of another service that only the engine can grant; the change feed brings it there. */
export interface EngineCommand {
  readonly id: string;
  readonly type: 'engine';
  readonly deliveryId: string;
  readonly command: 'nudge' | 'compensate';
  readonly reason: string;
  readonly at: string;
  readonly ttl: number;
}

export const INBOX_TTL_SECONDS = 30 * 24 * 3600;
export const COMMAND_TTL_SECONDS = 24 * 3600;
