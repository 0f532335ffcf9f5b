/** The steps of the delivery itself (its record, stages, proof and history), and work items for an operator. */
import {
  getDelivery,
  listDeliveryEvents,
  moveDelivery,
  putDelivery,
} from '../../shared/contracts/deliveries.ts';
import { archiveDelivery } from '../../shared/contracts/history.ts';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { recordWorkItem } from '../../shared/contracts/supervisor.ts';
import { AppError } from '../../shared/errors.ts';
import { distance } from '../../shared/geo/distance.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import { assignmentOf, historyEntry } from './domain.ts';
import type { StageMove } from './schemas.ts';
import { accountOf, type DeliveryCall, type DeliverySteps } from './step-call.ts';

export const deliverySteps = {
  createDelivery: { run: create, compensate: end },
  pickUp: { run: move },
  moveStage: { run: move },
  checkProof: {
    /** A proof that was not asked for needs no look. */
    run: async ({ call, id, state }) => {
      if (state.request.confirmationRequired === 'None') return { proven: true };
      const { body } = await call(getDelivery, { params: { deliveryId: id }, accountId: accountOf(state) });
      return { proven: body.confirmed };
    },
  },
  createWorkItem: {
    run: async ({ call, id }, facts) => {
      await call(recordWorkItem, { body: { deliveryId: id, ...facts } });
    },
  },
  archive: { run: archive },
} satisfies Pick<
  DeliverySteps,
  'createDelivery' | 'pickUp' | 'moveStage' | 'checkProof' | 'createWorkItem' | 'archive'
>;

async function create({ call, id, state }: DeliveryCall): Promise<void> {
  const {
    owner,
    pickup,
    dropoff,
    deadline,
    expedited,
    confirmationRequired,
    package: parcel,
  } = state.request;
  const { droneId, carrierId, pickupEta, deliveryEta } = assignmentOf(state);
  await call(putDelivery, {
    params: { deliveryId: id },
    accountId: owner.accountId,
    body: {
      owner,
      pickup,
      dropoff,
      ...(deadline ? { deadline } : {}),
      expedited,
      confirmationRequired,
      packageId: parcel.id,
      ...(droneId ? { droneId } : {}),
      ...(carrierId ? { carrierId } : {}),
      pickupEta,
      deliveryEta,
    },
  });
}

/** A completed delivery was last seen at its dropoff. */
async function move({ call, id, state }: DeliveryCall, to: StageMove): Promise<void> {
  const place = to.event === 'Completed' ? { position: state.request.dropoff } : {};
  const body = { ...place, ...to };
  await call(moveDelivery, { params: { deliveryId: id }, body, accountId: accountOf(state) });
}

/** A delivery that does not exist, or has ended, need not be ended. */
async function end(step: DeliveryCall): Promise<void> {
  const { pendingOutcome, updatedAt } = step.state;
  const event = pendingOutcome?.kind === 'cancelled' ? ('Cancelled' as const) : ('Failed' as const);
  const reason = pendingOutcome && customerOutcome(pendingOutcome).reasons.join();
  const at = pendingOutcome?.at ?? updatedAt;
  try {
    await move(step, { eventId: `${step.id}-end`, event, at, ...(reason ? { reason } : {}) });
  } catch (error) {
    if (error instanceof AppError && (error.code === 'not_found' || error.code === 'conflict')) return;
    throw error;
  }
}

async function archive({ call, id, state }: DeliveryCall, outcome: Outcome): Promise<void> {
  const options = { params: { deliveryId: id }, accountId: accountOf(state) };
  const found = await Promise.all([call(getDelivery, options), call(listDeliveryEvents, options)]).catch(
    unlessMissing,
  );
  if (!found) return;
  const [delivery, events] = found;
  const flown = distance(state.request.pickup, state.request.dropoff);
  const entry = historyEntry({
    state,
    delivery: delivery.body,
    events: events.body.events,
    outcome,
    distance: flown,
  });
  await call(archiveDelivery, { ...options, body: entry });
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'not_found') return undefined;
  throw error;
}
