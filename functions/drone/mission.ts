/** Missions: sent down, accepted, recalled, released. Each change of the job and its message are one batch. */
import type {
  confirmMission,
  dispatchDrone,
  getDroneDelivery,
  recallDrone,
  releaseDrone,
} from '../../shared/contracts/drones.ts';
import { untilUndisturbed } from '../../shared/cosmos/race.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { spentBy } from './domain.ts';
import { assignedItem, commandItem, missionOf, releasedItem } from './messages.ts';
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

export function createMissionHandlers(repository: DroneRepository, deps: ServiceDeps): MissionHandlers {
  const held = async (deliveryId: string, fence: number): Promise<Stored<JobDocument>> => {
    const job = await repository.job(deliveryId);
    if (!job) throw new AppError('not_found', 'no drone is reserved for this delivery');
    if (job.item.fence !== fence)
      throw new AppError('stale', `fence ${fence} is over, ${job.item.fence} is valid`);
    return job;
  };

  return {
    dispatch: ({ params, body }) =>
      untilUndisturbed(async () => {
        const { item: job, etag } = await held(params.deliveryId, body.fence);
        const { missionId, droneId, fence } = job;
        if (job.status === 'Released') throw new AppError('stale', 'the drone is released already');
        if (job.status === 'Reserved') {
          const until = new Date(deps.now().getTime() + deps.settings.RESERVATION_LEASE_SECONDS * 1000);
          const registry = (await repository.registry(droneId))?.item;
          if (!registry || !(await repository.extend(droneId, fence, until.toISOString())))
            throw new AppError('stale', 'the reservation has run out');
          const mission = missionOf(job, registry.base, registry.performance);
          const command = { droneId, deliveryId: job.deliveryId, missionId, fence };
          await repository.saveJob({ ...job, status: 'Dispatched', mission }, etag, [
            commandItem({ kind: 'Mission', commandId: missionId, ...command, mission }),
            assignedItem(job, deps.now()),
          ]);
        }
        return { status: 202, body: { missionId, droneId, fence } };
      }),

    confirm: ({ params, body }) =>
      untilUndisturbed(async () => {
        const { item: job, etag } = await held(params.deliveryId, body.fence);
        if (job.status === 'Released') throw new AppError('stale', 'the drone is released already');
        if (!(await repository.extend(job.droneId, job.fence, null))) {
          throw new AppError('stale', 'the reservation has run out and the drone is somebody else’s');
        }
        if (job.status === 'Dispatched') {
          const odometerAtStart = (await repository.state(job.droneId))?.item.odometer ?? 0;
          await repository.saveJob({ ...job, status: 'Accepted', odometerAtStart }, etag);
        }
        return { status: 204 };
      }),

    recall: ({ params, body }) =>
      untilUndisturbed(async () => {
        const found = await repository.job(params.deliveryId);
        if (!found || found.item.fence !== body.fence || !found.item.mission) return { status: 204 };
        const { item: job, etag } = found;
        if (job.status === 'Released') return { status: 204 };
        const { missionId, droneId, fence, deliveryId } = job;
        if (job.status !== 'Recalled') {
          const commandId = `${missionId}-recall`;
          const command = { commandId, droneId, deliveryId, missionId, fence, reason: body.reason };
          await repository.saveJob({ ...job, status: 'Recalled' }, etag, [
            commandItem({ kind: 'Recall', ...command }),
          ]);
        }
        return { status: 202, body: { missionId, droneId } };
      }),

    /** The drone first: the job remembers whose release is due until it is done. */
    release: ({ params, query }) =>
      untilUndisturbed(async () => {
        const found = await repository.job(params.deliveryId);
        if (!found || (query.fence !== undefined && query.fence !== found.item.fence)) return { status: 204 };
        const { item: job, etag } = found;
        if (job.status !== 'Released') {
          await repository.free(job.droneId, job.deliveryId, job.generation);
          const event = job.status === 'Intended' ? [] : [releasedItem(job, deps.now())];
          await repository.saveJob(await released(job), etag, event);
        }
        return { status: 204 };
      }),

    get: async ({ params }) => {
      const job = (await repository.job(params.deliveryId))?.item;
      if (!job || job.status === 'Intended') throw new AppError('not_found', 'no drone has this delivery');
      const state = (await repository.state(job.droneId))?.item;
      const { deliveryId, droneId, missionId, fence, status } = job;
      const view = state ? { state: stateView(state) } : {};
      return { status: 200, body: { deliveryId, droneId, missionId, fence, status, ...view } };
    },
  };

  async function released(job: JobDocument): Promise<JobDocument> {
    const now = deps.now();
    const at = now.toISOString();
    const odometer = (await repository.state(job.droneId))?.item.odometer ?? 0;
    const total = spentBy(job, odometer, now);
    return { ...job, status: 'Released', releasedAt: at, month: at.slice(0, 7), total };
  }
}
