/** Missions: sent down, accepted, recalled, released. Each change of the job and its message are one batch. */
import type {
  confirmMission,
  dispatchDrone,
  getDroneDelivery,
  recallDrone,
  releaseDrone,
} from '../../shared/contracts/drones.ts';
import { DroneCommand, type Mission } from '../../shared/contracts/flight.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { domainEventItem, type OutboxItem, outboxItem } from '../../shared/outbox/outbox.ts';
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
    dispatch: async ({ params, body }) => {
      const { item: job, etag } = await held(params.deliveryId, body.fence);
      const { missionId, droneId, fence } = job;
      if (job.status === 'Released') throw new AppError('stale', 'the drone is released already');
      if (job.status === 'Reserved') {
        const registry = (await repository.registry(droneId))?.item;
        if (!registry || registry.hold?.fence !== fence)
          throw new AppError('stale', 'the reservation has run out');
        const mission = missionOf(job, registry.base, registry.performance);
        await repository.saveJob({ ...job, status: 'Dispatched', mission }, etag, [
          commandItem({
            kind: 'Mission',
            commandId: missionId,
            droneId,
            deliveryId: job.deliveryId,
            missionId,
            fence,
            mission,
          }),
          assignedItem(job, deps.now()),
        ]);
      }
      return { status: 202, body: { missionId, droneId, fence } };
    },

    confirm: async ({ params, body }) => {
      const { item: job, etag } = await held(params.deliveryId, body.fence);
      if (!(await repository.extend(job.droneId, job.fence))) {
        throw new AppError('stale', 'the reservation has run out and the drone is somebody else’s');
      }
      if (job.status === 'Dispatched') {
        const odometer = (await repository.state(job.droneId))?.item.odometer ?? 0;
        await repository.saveJob({ ...job, status: 'Accepted', odometerAtStart: odometer }, etag);
      }
      return { status: 204 };
    },

    recall: async ({ params, body }) => {
      const found = await repository.job(params.deliveryId);
      if (!found || found.item.fence !== body.fence || !found.item.mission) return { status: 204 };
      const { item: job, etag } = found;
      if (job.status === 'Released') return { status: 204 };
      const { missionId, droneId, fence, deliveryId } = job;
      if (job.status !== 'Recalled') {
        const commandId = `${missionId}-recall`;
        await repository.saveJob({ ...job, status: 'Recalled' }, etag, [
          commandItem({
            kind: 'Recall',
            commandId,
            droneId,
            deliveryId,
            missionId,
            fence,
            reason: body.reason,
          }),
        ]);
      }
      return { status: 202, body: { missionId, droneId } };
    },

    release: async ({ params, query }) => {
      const found = await repository.job(params.deliveryId);
      if (!found || (query.fence !== undefined && query.fence !== found.item.fence)) return { status: 204 };
      const { item: job, etag } = found;
      if (job.status !== 'Released') {
        await repository.free(job.droneId, job.deliveryId, job.generation);
        await repository.saveJob(
          await released(job),
          etag,
          job.status === 'Intended' ? [] : [releasedItem(job, deps.now())],
        );
      }
      return { status: 204 };
    },

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
    const at = deps.now().toISOString();
    const odometer = (await repository.state(job.droneId))?.item.odometer ?? 0;
    const travelled = job.odometerAtStart === undefined ? 0 : Math.max(0, odometer - job.odometerAtStart);
    return { ...job, status: 'Released', releasedAt: at, month: at.slice(0, 7), travelled };
  }
}

function missionOf(job: JobDocument, base: Mission['base'], performance: Mission['performance']): Mission {
  const { missionId, deliveryId, droneId, fence, request, pickupEta, deliveryEta } = job;
  const { owner, pickup, dropoff, weight: payload } = request;
  return {
    missionId,
    deliveryId,
    droneId,
    owner,
    fence,
    pickup,
    dropoff,
    base,
    payload,
    performance,
    pickupEta,
    deliveryEta,
  };
}

function commandItem(command: DroneCommand): OutboxItem {
  return outboxItem({
    partition: { deliveryId: command.deliveryId },
    id: command.commandId,
    hub: 'drone-commands',
    key: command.droneId,
    body: DroneCommand.parse(command),
  });
}

function assignedItem(job: JobDocument, now: Date): OutboxItem {
  const { deliveryId, droneId, missionId, fence, generation, pickupEta, deliveryEta, request } = job;
  const { owner, pickup, dropoff } = request;
  return domainEventItem(
    { deliveryId },
    {
      service: 'drone',
      type: 'DroneAssigned',
      id: `${deliveryId}-assigned-${generation}`,
      subject: deliveryId,
      time: now.toISOString(),
      data: { deliveryId, droneId, missionId, fence, owner, pickup, dropoff, pickupEta, deliveryEta },
    },
  );
}

function releasedItem(job: JobDocument, now: Date): OutboxItem {
  const { deliveryId, droneId, fence, generation } = job;
  return domainEventItem(
    { deliveryId },
    {
      service: 'drone',
      type: 'DroneReleased',
      id: `${deliveryId}-released-${generation}`,
      subject: deliveryId,
      time: now.toISOString(),
      data: { deliveryId, droneId, fence },
    },
  );
}
