/** What the scheduler asks of the Durable engine: start, wake, start again. The engine's own promises are thin. */
import type { DurableClient } from 'durable-functions';
import type { Settings } from '../../shared/config/settings.ts';
import type { WorkflowDocument } from './schemas.ts';
import type { Limits, TaleInput } from './tale.ts';

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

/** Idempotent: an instance that is under way stays as it is. */
export async function startWorkflow(
  client: DurableClient,
  document: WorkflowDocument,
  limits: Limits,
): Promise<boolean> {
  if (document.outcome || (await isLive(client, document.deliveryId))) return false;
  const input: TaleInput = { deliveryId: document.deliveryId, generation: document.generation, limits };
  await client.startNew(ORCHESTRATOR, { instanceId: document.deliveryId, input }).catch(unlessRunning);
  return true;
}

/** A nudge only: an instance that is not there, or has ended, needs none. */
export async function wakeWorkflow(client: DurableClient, deliveryId: string): Promise<void> {
  await client.raiseEvent(deliveryId, 'wake', {}).catch((error: unknown) => {
    if (!/No instance|404|not found/i.test(String(error))) throw error;
  });
}

/** Ends the story where it stands and undoes its effects in an orchestration of its own. */
export async function compensate(
  client: DurableClient,
  document: WorkflowDocument,
  reason: string,
  limits: Limits,
): Promise<void> {
  if (document.outcome) return;
  const { deliveryId, generation } = document;
  if (await isLive(client, deliveryId)) await client.terminate(deliveryId, reason);
  const instanceId = `${deliveryId}~undo`;
  if (await isLive(client, instanceId)) return;
  const input = { deliveryId, generation, limits, reason };
  await client.startNew(COMPENSATOR, { instanceId, input }).catch(unlessRunning);
}

async function isLive(client: DurableClient, instanceId: string): Promise<boolean> {
  try {
    const status = await client.getStatus(instanceId);
    return ['Running', 'Pending', 'Suspended', 'ContinuedAsNew'].includes(String(status.runtimeStatus));
  } catch (error) {
    if (/No instance|404|not found/i.test(String(error))) return false;
    throw error;
  }
}

function unlessRunning(error: unknown): undefined {
  if (/409|already exists/i.test(String(error))) return undefined;
  throw error;
}
