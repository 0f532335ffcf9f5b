/** What the scheduler asks of the Durable engine: start, wake, start again. The engine's own promises are thin. */
import type { DurableClient } from 'durable-functions';
import type { Settings } from '../../shared/config/settings.ts';
import type { Outcome } from '../../shared/contracts/requests.ts';
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

export const undoInstanceOf = (deliveryId: string): string => `${deliveryId}~undo`;

/** Idempotent: what is under way stays as it is. What had begun to end goes on ending. */
export async function startWorkflow(
  client: DurableClient,
  document: WorkflowDocument,
  limits: Limits,
): Promise<boolean> {
  const { deliveryId, generation, ending, outcome } = document;
  const undo = undoInstanceOf(deliveryId);
  if (outcome || (await isLive(client, deliveryId)) || (await isLive(client, undo))) return false;
  const input: TaleInput = { deliveryId, generation, limits };
  const [name, instanceId] = ending ? [COMPENSATOR, undo] : [ORCHESTRATOR, deliveryId];
  await client.startNew(name, { instanceId, input }).catch(unlessRunning);
  return true;
}

/** A nudge only: an instance that is not there, or has ended, needs none. */
export async function wakeWorkflow(client: DurableClient, ...instanceIds: readonly string[]): Promise<void> {
  for (const instanceId of instanceIds) {
    await client.raiseEvent(instanceId, 'wake', {}).catch((error: unknown) => {
      if (!/No instance|404|not found/i.test(String(error))) throw error;
    });
  }
}

/** Ends the story where it stands and undoes its effects in an orchestration of its own. The document says how it ends. */
export async function compensate(
  client: DurableClient,
  document: WorkflowDocument & { readonly ending: Outcome },
  limits: Limits,
): Promise<void> {
  const { deliveryId, ending } = document;
  if (await isLive(client, deliveryId)) await client.terminate(deliveryId, ending.reasons.join('; '));
  const instanceId = undoInstanceOf(deliveryId);
  if (await isLive(client, instanceId)) return;
  const input: TaleInput = { deliveryId, generation: document.generation, limits };
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
