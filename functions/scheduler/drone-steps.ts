/** The steps of the drone service: reservation, mission, recall, release. */
import {
  confirmMission,
  dispatchDrone,
  recallDrone,
  releaseDrone,
  reserveDrone,
} from '../../shared/contracts/drones.ts';
import { assignmentOf, droneOf } from './domain.ts';
import type { Assignment } from './schemas.ts';
import type { DeliveryCall, DeliverySteps } from './step-call.ts';

export const droneSteps = {
  reserveDrone: { run: reserve, compensate: release },
  dispatchDrone: {
    run: async ({ call, id, state }) => {
      const { fence = 0 } = assignmentOf(state);
      await call(dispatchDrone, { params: { deliveryId: id }, body: { fence } });
    },
    compensate: async (step) => {
      await recall(step, 'the delivery was given up');
    },
  },
  confirmMission: {
    run: async ({ call, id, state }) => {
      const { fence = 0 } = assignmentOf(state);
      await call(confirmMission, { params: { deliveryId: id }, body: { fence } });
    },
  },
  recallDrone: { run: (step, { reason }) => recall(step, reason) },
  releaseDrone: { run: release },
} satisfies Pick<
  DeliverySteps,
  'reserveDrone' | 'dispatchDrone' | 'confirmMission' | 'recallDrone' | 'releaseDrone'
>;

async function reserve({ call, id, state }: DeliveryCall): Promise<Assignment> {
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

async function release({ call, id }: DeliveryCall): Promise<void> {
  await call(releaseDrone, { params: { deliveryId: id } });
}

async function recall({ call, id, state }: DeliveryCall, reason: string): Promise<{ sent: boolean }> {
  const fence = droneOf(state)?.fence;
  if (fence === undefined) return { sent: false };
  const answer = await call(recallDrone, { params: { deliveryId: id }, body: { fence, reason } });
  return { sent: answer.status === 202 };
}
