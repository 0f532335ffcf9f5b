/** Telemetry from tracking: the newest sample of each drone becomes its state; older ones change nothing. */
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { domainEventItem, type OutboxItem } from '../../shared/outbox/outbox.ts';
import { isNewer } from './domain.ts';
import type { DroneRepository } from './repository.ts';
import type { StateDocument } from './schemas.ts';

export function createTelemetrySink(repository: DroneRepository): (record: TelemetryRecord) => Promise<void> {
  return async (record) => {
    const known = (await repository.state(record.droneId))?.item;
    if (!isNewer(record, known)) return;
    const { droneId, boot, seq, time, position, heading, battery, flightMode, leg, loaded } = record;
    const { deliveryId, pickupEta, deliveryEta } = record;
    const step = known ? distance(known.position, position) : 0;
    const document: StateDocument = {
      id: 'state',
      type: 'state',
      droneId,
      boot,
      seq,
      time,
      position,
      heading,
      battery,
      flightMode,
      leg,
      loaded,
      odometer: (known?.odometer ?? 0) + (leg === 'Idle' ? 0 : step),
      ...(deliveryId ? { deliveryId } : {}),
      ...(pickupEta ? { pickupEta } : {}),
      ...(deliveryEta ? { deliveryEta } : {}),
    };
    const changed = known && known.flightMode !== flightMode;
    await repository.saveState(document, changed ? [statusItem(document)] : []);
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
