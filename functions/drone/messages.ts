/** Makes the messages about a job: the mission and its commands for the drone, and domain events. */
import { DroneCommand, type Mission } from '../../shared/contracts/flight.ts';
import { domainEventItem, type OutboxItem, outboxItem } from '../../shared/outbox/outbox.ts';
import { conform } from '../../shared/read.ts';
import type { JobDocument } from './schemas.ts';

export function missionOf(
  job: JobDocument,
  base: Mission['base'],
  performance: Mission['performance'],
): Mission {
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

export function commandItem(command: DroneCommand): OutboxItem {
  return outboxItem({
    partition: { deliveryId: command.deliveryId },
    id: command.commandId,
    hub: 'drone-commands',
    key: command.droneId,
    body: conform(DroneCommand, command),
  });
}

export function recallItem(job: JobDocument, reason: string): OutboxItem {
  const { droneId, deliveryId, missionId, fence } = job;
  const command = { droneId, deliveryId, missionId, fence, reason };
  return commandItem({ kind: 'Recall', commandId: `${missionId}-recall`, ...command });
}

export function assignedItem(job: JobDocument, now: Date): OutboxItem {
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

export function releasedItem(job: JobDocument, now: Date): OutboxItem {
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
