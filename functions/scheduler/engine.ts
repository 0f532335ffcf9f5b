/** Starts, wakes and ends orchestrations. The engine guarantees little (docs/adr/0002), so every call may be repeated. */
import type { DurableClient, OrchestrationRuntimeStatus } from 'durable-functions';
import type { Settings } from '../../shared/config/settings.ts';
import { underWay } from './domain.ts';
import type { EndingWorkflow, WorkflowDocument } from './schemas.ts';
import type { Limits, WorkflowInput } from './workflow-context.ts';

export const ORCHESTRATOR = 'deliver';
export const COMPENSATOR = 'compensate';

export function limitsOf(settings: Settings): Limits {
  return {
    missionAnswer: settings.MISSION_ANSWER_SECONDS,
    recallAnswer: settings.RECALL_ANSWER_SECONDS,
    pickupGrace: settings.PICKUP_GRACE_SECONDS,
    deliveryGrace: settings.DELIVERY_GRACE_SECONDS,
    confirmation: settings.CONFIRMATION_SECONDS,
    drones: settings.MAX_DRONES_PER_DELIVERY,
    stepAttempts: settings.STEP_ATTEMPTS,
    stepRetry: settings.STEP_RETRY_SECONDS,
  };
}

export const compensationInstanceOf = (deliveryId: string): string => `${deliveryId}~compensate`;

/**
 * False when an orchestration runs or the workflow has ended. A workflow that had begun to compensate goes on with that.
 * @param isNew nothing can have started it yet, so the engine is not asked
 */
export async function startWorkflow(
  client: DurableClient,
  document: WorkflowDocument,
  limits: Limits,
  isNew = false,
): Promise<boolean> {
  const { deliveryId, generation, pendingOutcome, outcome } = document;
  const compensation = compensationInstanceOf(deliveryId);
  if (outcome) return false;
  if (!isNew && ((await isLive(client, deliveryId)) || (await isLive(client, compensation)))) return false;
  const input: WorkflowInput = { deliveryId, generation, limits, underWay: underWay(document) };
  const [name, instanceId] = pendingOutcome ? [COMPENSATOR, compensation] : [ORCHESTRATOR, deliveryId];
  await client.startNew(name, { instanceId, input }).catch(unlessRunning);
  return true;
}

/** An instance that does not exist, or has ended, need not be woken. */
export async function wakeWorkflow(client: DurableClient, ...instanceIds: readonly string[]): Promise<void> {
  for (const instanceId of instanceIds) {
    await client.raiseEvent(instanceId, 'wake', {}).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }
}

/** Terminates the orchestration and compensates in another one. The document has the outcome of the workflow. */
export async function compensate(
  client: DurableClient,
  document: EndingWorkflow,
  limits: Limits,
): Promise<void> {
  const { deliveryId, pendingOutcome } = document;
  if (await isLive(client, deliveryId)) await client.terminate(deliveryId, pendingOutcome.reasons.join('; '));
  const instanceId = compensationInstanceOf(deliveryId);
  if (await isLive(client, instanceId)) return;
  const { generation } = document;
  const input: WorkflowInput = { deliveryId, generation, limits, underWay: underWay(document) };
  await client.startNew(COMPENSATOR, { instanceId, input }).catch(unlessRunning);
}

/** States of an orchestration that has ended. */
const ENDED = ['Completed', 'Failed', 'Terminated', 'Canceled'] as const;

/**
 * Purges the engine's history of orchestrations that started before the retention period and have ended. The workflow document
 * stays: it is the record, and keeps a late message from beginning the workflow again.
 */
export async function purgeEnded(client: DurableClient, retentionDays: number, now: Date): Promise<number> {
  const result = await client.purgeInstanceHistoryBy({
    createdTimeFrom: new Date(0),
    createdTimeTo: new Date(now.getTime() - retentionDays * 24 * 3600 * 1000),
    runtimeStatus: [...ENDED] as unknown as OrchestrationRuntimeStatus[],
  });
  return result.instancesDeleted;
}

async function isLive(client: DurableClient, instanceId: string): Promise<boolean> {
  try {
    const status = await client.getStatus(instanceId);
    return ['Running', 'Pending', 'Suspended', 'ContinuedAsNew'].includes(String(status.runtimeStatus));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The client throws texts, not errors. */
function isMissing(error: unknown): boolean {
  return /No instance|404|not found/i.test(String(error));
}

function unlessRunning(error: unknown): undefined {
  if (/409|already exists/i.test(String(error))) return undefined;
  throw error;
}
