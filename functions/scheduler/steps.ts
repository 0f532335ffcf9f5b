/** The steps of a delivery: what each does, how it is undone, where the pivot is. The diagram in docs/ is made from it. */
import { holdQuota, releaseQuota } from '../../shared/contracts/accounts.ts';
import {
  createShareLink,
  getDelivery,
  listDeliveryEvents,
  moveDelivery,
  putDelivery,
} from '../../shared/contracts/deliveries.ts';
import {
  confirmMission,
  dispatchDrone,
  recallDrone,
  releaseDrone,
  reserveDrone,
} from '../../shared/contracts/drones.ts';
import { archiveDelivery } from '../../shared/contracts/history.ts';
import { deletePackage, putPackage } from '../../shared/contracts/packages.ts';
import { acceptRequest } from '../../shared/contracts/requests.ts';
import { recordWorkItem } from '../../shared/contracts/supervisor.ts';
import { bookCarrier, cancelCarrier } from '../../shared/contracts/third-party.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { distance } from '../../shared/geo/distance.ts';
import type { Step, StepCall } from '../../shared/saga/step.ts';
import {
  assignmentOf,
  droneOf,
  type Ending,
  historyEntry,
  type StageMove,
  type WorkItemFacts,
} from './domain.ts';
import type { Assignment, WorkflowDocument } from './schemas.ts';

type Run = StepCall<WorkflowDocument>;
export type DeliveryStep = Step<WorkflowDocument>;

const QUICK_SECONDS = 15;

export function createSteps({ call }: ServiceDeps): readonly DeliveryStep[] {
  const step = (spec: Omit<DeliveryStep, 'timeoutSeconds'>): DeliveryStep => ({
    timeoutSeconds: QUICK_SECONDS,
    ...spec,
  });

  return [
    step({
      name: 'accept',
      run: async (_, { id, state }) => {
        const answer = await call(acceptRequest, { params: { deliveryId: id }, accountId: accountOf(state) });
        return { ...answer.body, underWay: underWay(state) };
      },
    }),
    step({
      name: 'holdQuota',
      once: 'saga',
      run: async (_, { id, state }) => {
        const { accountId, userId } = state.request.owner;
        await call(holdQuota, { params: { accountId, deliveryId: id }, body: { userId }, accountId });
      },
      undo: ({ id, state }) => settle(id, state, false),
    }),
    step({
      name: 'upsertPackage',
      once: 'saga',
      run: async (_, { id, state }) => {
        const { id: packageId, ...parcel } = state.request.package;
        const query = { madeBy: id };
        await call(putPackage, { params: { packageId }, query, body: parcel, accountId: accountOf(state) });
      },
      undo: async ({ id, state }) => {
        const params = { packageId: state.request.package.id };
        await call(deletePackage, { params, query: { madeBy: id }, accountId: accountOf(state) });
      },
    }),
    step({
      name: 'reserveDrone',
      once: 'generation',
      run: (_, run) => reserve(run),
      undo: ({ id }) => release(id),
    }),
    step({
      name: 'bookCarrier',
      once: 'generation',
      run: async (_, { id, state }) => {
        const { owner, pickup, dropoff, deadline, package: parcel } = state.request;
        const shipment = { owner, pickup, dropoff, weight: parcel.weight, size: parcel.size };
        const body = deadline ? { ...shipment, deadline } : shipment;
        const booked = await call(bookCarrier, {
          params: { deliveryId: id },
          body,
          accountId: owner.accountId,
        });
        const { carrierId, bookingId, pickupEta, deliveryEta } = booked.body;
        return { by: 'third-party', carrierId, bookingId, pickupEta, deliveryEta } satisfies Assignment;
      },
      undo: async ({ id, state }) => {
        await call(cancelCarrier, { params: { deliveryId: id }, accountId: accountOf(state) });
      },
    }),
    step({
      name: 'createDelivery',
      once: 'generation',
      run: async (_, { id, state }) => {
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
        const link = await call(createShareLink, {
          params: { deliveryId: id },
          body: {},
          accountId: owner.accountId,
        });
        return { linkId: link.body.linkId };
      },
      undo: (run) => endDelivery(run),
    }),
    step({
      name: 'dispatchDrone',
      once: 'generation',
      run: async (_, { id, state }) => {
        const { fence } = assignmentOf(state);
        const answer = await call(dispatchDrone, { params: { deliveryId: id }, body: { fence: fence ?? 0 } });
        return answer.body;
      },
      undo: async (run) => {
        await recall(run, 'the delivery is given up');
      },
    }),
    step({
      name: 'confirmMission',
      once: 'generation',
      run: async (_, { id, state }) => {
        await call(confirmMission, {
          params: { deliveryId: id },
          body: { fence: assignmentOf(state).fence ?? 0 },
        });
      },
    }),
    step({
      name: 'cancelCarrier',
      run: async (_, { id, state }) => {
        try {
          await call(cancelCarrier, { params: { deliveryId: id }, accountId: accountOf(state) });
          return { cancelled: true };
        } catch (error) {
          if (error instanceof AppError && error.code === 'package_on_board') return { cancelled: false };
          throw error;
        }
      },
    }),
    step({ name: 'recallDrone', run: (args, run) => recall(run, args as string) }),
    step({ name: 'pickUp', pivot: true, untilDone: true, run: (args, run) => move(args as StageMove, run) }),
    step({ name: 'moveStage', untilDone: true, run: (args, run) => move(args as StageMove, run) }),
    step({
      name: 'checkProof',
      untilDone: true,
      run: async (_, { id, state }) => {
        const { body } = await call(getDelivery, { params: { deliveryId: id }, accountId: accountOf(state) });
        return { proven: body.confirmationRequired === 'None' || body.confirmed };
      },
    }),
    step({
      name: 'tellOperator',
      untilDone: true,
      run: async (args, { id }) => {
        await call(recordWorkItem, { body: { deliveryId: id, ...(args as WorkItemFacts) } });
      },
    }),
    step({ name: 'releaseDrone', untilDone: true, run: (_, { id }) => release(id) }),
    step({ name: 'settleQuota', untilDone: true, run: (_, { id, state }) => settle(id, state, true) }),
    step({
      name: 'archive',
      untilDone: true,
      run: async (args, { id, state }) => {
        const ending = args as Ending;
        const options = { params: { deliveryId: id }, accountId: accountOf(state) };
        const found = await Promise.all([
          call(getDelivery, options),
          call(listDeliveryEvents, options),
        ]).catch(unlessMissing);
        if (!found) return;
        const [delivery, events] = found;
        const flown = distance(state.request.pickup, state.request.dropoff);
        const entry = historyEntry({
          state,
          delivery: delivery.body,
          events: events.body.events,
          ending,
          distance: flown,
        });
        await call(archiveDelivery, { ...options, body: entry });
      },
    }),
  ];

  async function reserve({ id, state }: Run): Promise<Assignment> {
    const { owner, pickup, dropoff, deadline, expedited, package: parcel } = state.request;
    const { body } = await call(reserveDrone, {
      params: { deliveryId: id },
      accountId: owner.accountId,
      body: {
        owner,
        generation: state.generation,
        pickup,
        dropoff,
        weight: parcel.weight,
        size: parcel.size,
        expedited,
        ...(deadline ? { deadline } : {}),
        exclude: [...state.excluded],
      },
    });
    const { droneId, missionId, fence, pickupEta, deliveryEta } = body;
    return { by: 'drone', droneId, missionId, fence, pickupEta, deliveryEta };
  }

  async function release(deliveryId: string): Promise<void> {
    await call(releaseDrone, { params: { deliveryId } });
  }

  async function settle(deliveryId: string, state: WorkflowDocument, settled: boolean): Promise<void> {
    const { accountId } = state.request.owner;
    await call(releaseQuota, {
      params: { accountId, deliveryId },
      query: { settled: settled ? 'true' : 'false' },
      accountId,
    });
  }

  async function recall({ id, state }: Run, reason: string): Promise<{ sent: boolean }> {
    const fence = droneOf(state)?.fence;
    if (fence === undefined) return { sent: false };
    const answer = await call(recallDrone, { params: { deliveryId: id }, body: { fence, reason } });
    return { sent: answer.status === 202 };
  }

  async function move(to: StageMove, { id, state }: Run): Promise<void> {
    await call(moveDelivery, { params: { deliveryId: id }, body: to, accountId: accountOf(state) });
  }

  /** Nothing to end, or ended already, is as good. */
  async function endDelivery(run: Run): Promise<void> {
    const { ending, updatedAt } = run.state;
    const event = ending?.kind === 'cancelled' ? ('Cancelled' as const) : ('Failed' as const);
    const reason = ending?.reasons.join('; ').slice(0, 500);
    const at = ending?.at ?? updatedAt;
    try {
      await move({ eventId: `${run.id}-end`, event, at, ...(reason ? { reason } : {}) }, run);
    } catch (error) {
      if (error instanceof AppError && (error.code === 'not_found' || error.code === 'conflict')) return;
      throw error;
    }
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'not_found') return undefined;
  throw error;
}

/** Somebody whom this generation has sent, or may have. */
function underWay({ effects, generation }: WorkflowDocument): Assignment['by'] | null {
  if (effects['bookCarrier']?.generation === generation) return 'third-party';
  return effects['dispatchDrone']?.generation === generation ? 'drone' : null;
}

function accountOf(state: WorkflowDocument): string {
  return state.request.owner.accountId;
}
