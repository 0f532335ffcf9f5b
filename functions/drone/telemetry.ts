/** Telemetry from tracking: the newest sample of each drone becomes its state; older ones change nothing. */
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { distance } from '../../shared/geo/distance.ts';
import { domainEventItem, type OutboxItem } from '../../shared/outbox/outbox.ts';
import { isNewer } from './domain.ts';
import type { DroneRepository } from './repository.ts';
import type { StateDocument } from './schemas.ts';

export function createTelemetrySink(repository: DroneRepository): (record: TelemetryRecord) => Promise<void> {
  return (record) =>
    withOptimisticRetry(async () => {
      const known = await repository.state(record.droneId);
      if (!isNewer(record, known?.item)) return;
      const document = stateOf(record, known?.item);
      const changed = known && known.item.flightMode !== document.flightMode;
      await repository.saveState(document, known?.etag, changed ? [statusItem(document)] : []);
    });
}

function stateOf(record: TelemetryRecord, known: StateDocument | undefined): StateDocument {
  const { droneId, boot, seq, time, position, heading, battery, flightMode, leg, loaded } = record;
  const { deliveryId, pickupEta, deliveryEta } = record;
  const step = known && leg !== 'Idle' ? distance(known.position, position) : 0;
  return {
    id: 'state',
    type: 'state',
    droneId,
    boot,
    seq,
    time: new Date(time).toISOString(),
    position,
    heading,
    battery,
    flightMode,
    leg,
    loaded,
    odometer: (known?.odometer ?? 0) + step,
    ...(deliveryId ? { deliveryId } : {}),
    ...(pickupEta ? { pickupEta } : {}),
    ...(deliveryEta ? { deliveryEta } : {}),
  };
}

function statusItem({ droneId, boot, seq, flightMode, time }: StateDocument): OutboxItem {
  return domainEventItem(
    { droneId },
    {
      service: 'drone',
      type: 'DroneStatusChanged',
      id: `${droneId}-${boot}-${seq}`,
      subject: droneId,
      time,
      data: { droneId, flightMode, at: time },
    },
  );
}
