/** Sends, confirms, recalls and releases missions. Each change of the job and its message are one batch. */
import { checkReach } from '../../shared/auth/tenancy.ts';
import type {
  confirmMission,
  dispatchDrone,
  getDroneDelivery,
  recallDrone,
  releaseDrone,
} from '../../shared/contracts/drones.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Call, Handler } from '../../shared/http/pipeline.ts';
import { spentBy } from './domain.ts';
import { assignedItem, commandItem, missionOf, recallItem, releasedItem } from './messages.ts';
import type { DroneRepository } from './repository.ts';
import type { JobDocument } from './schemas.ts';
import { stateView } from './views.ts';

export interface MissionHandlers {
  readonly dispatch: Handler<typeof dispatchDrone>;
  readonly confirm: Handler<typeof confirmMission>;
  readonly recall: Handler<typeof recallDrone>;
  readonly release: Handler<typeof releaseDrone>;
  readonly get: Handler<typeof getDroneDelivery>;
}

const NO_DRONE = 'no drone is reserved for this delivery';

export function createMissionHandlers(repository: DroneRepository, deps: ServiceDeps): MissionHandlers {
  const found = async (deliveryId: string, { principal }: Call): Promise<Stored<JobDocument> | undefined> => {
    const job = await repository.job(deliveryId);
    if (job) checkReach(principal, job.item.request.owner.accountId, NO_DRONE);
    return job;
  };

  const held = async (deliveryId: string, fence: number, call: Call): Promise<Stored<JobDocument>> => {
    const job = await found(deliveryId, call);
    if (!job) throw new AppError('not_found', NO_DRONE);
    if (job.item.fence !== fence)
      throw new AppError('stale', `fence ${fence} is no longer valid; the current one is ${job.item.fence}`);
    return job;
  };

  return {
    dispatch: ({ params, body }, call) =>
      withOptimisticRetry(async () => {
        const { item: job, etag } = await held(params.deliveryId, body.fence, call);
        const { missionId, droneId, fence } = job;
        if (job.status === 'Released') throw new AppError('stale', 'the drone has already been released');
        if (job.status === 'Reserved') {
          const until = new Date(deps.now().getTime() + deps.settings.RESERVATION_LEASE_SECONDS * 1000);
          const registry = (await repository.registry(droneId))?.item;
          if (!registry || !(await repository.extend(droneId, fence, until.toISOString())))
            throw new AppError('stale', 'the reservation has expired');
          const mission = missionOf(job, registry.base, registry.performance);
          const command = { droneId, deliveryId: job.deliveryId, missionId, fence };
          await repository.saveJob({ ...job, status: 'Dispatched', mission }, etag, [
            commandItem({ kind: 'Mission', commandId: missionId, ...command, mission }),
            assignedItem(job, deps.now()),
          ]);
        }
        return { status: 202, body: { missionId, droneId, fence } };
      }),

    confirm: ({ params, body }, call) =>
      withOptimisticRetry(async () => {
        const { item: job, etag } = await held(params.deliveryId, body.fence, call);
        if (job.status === 'Released') throw new AppError('stale', 'the drone has already been released');
        if (!(await repository.extend(job.droneId, job.fence, null))) {
          throw new AppError('stale', 'the reservation has expired, and another delivery has the drone');
        }
        if (job.status === 'Dispatched') {
          const odometerAtStart = (await repository.state(job.droneId))?.item.odometer ?? 0;
          await repository.saveJob({ ...job, status: 'Accepted', odometerAtStart }, etag);
        }
        return { status: 204 };
      }),

    recall: ({ params, body }, call) =>
      withOptimisticRetry(async () => {
        const known = await found(params.deliveryId, call);
        if (!known || known.item.fence !== body.fence || !known.item.mission) return { status: 204 };
        const { item: job, etag } = known;
        if (job.status === 'Released') return { status: 204 };
        const { missionId, droneId } = job;
        if (job.status !== 'Recalled')
          await repository.saveJob({ ...job, status: 'Recalled' }, etag, [recallItem(job, body.reason)]);
        return { status: 202, body: { missionId, droneId } };
      }),

    /** The drone is released first: until then, the job keeps the release that is due. */
    release: ({ params, query }, call) =>
      withOptimisticRetry(async () => {
        const known = await found(params.deliveryId, call);
        if (!known || (query.fence !== undefined && query.fence !== known.item.fence)) return { status: 204 };
        const { item: job, etag } = known;
        if (job.status !== 'Released') {
          await repository.free(job.droneId, job.deliveryId, job.generation);
          const event = job.status === 'Intended' ? [] : [releasedItem(job, deps.now())];
          const odometer = (await repository.state(job.droneId))?.item.odometer ?? 0;
          await repository.saveJob(released(job, odometer, deps.now()), etag, event);
        }
        return { status: 204 };
      }),

    get: async ({ params }, call) => {
      const job = (await found(params.deliveryId, call))?.item;
      if (!job || job.status === 'Intended') throw new AppError('not_found', NO_DRONE);
      const state = (await repository.state(job.droneId))?.item;
      const { deliveryId, droneId, missionId, fence, status } = job;
      const view = state ? { state: stateView(state) } : {};
      return { status: 200, body: { deliveryId, droneId, missionId, fence, status, ...view } };
    },
  };
}

function released(job: JobDocument, odometer: number, now: Date): JobDocument {
  const at = now.toISOString();
  const total = spentBy(job, odometer, now);
  return { ...job, status: 'Released', releasedAt: at, month: at.slice(0, 7), total };
}
