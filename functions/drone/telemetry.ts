/**
 * Stores the part of tracking's telemetry that the service's decisions need; live positions stay in tracking.
 *
 * T1 A sample that is not newer than the last one changes nothing.
 * T2 A sample is stored when a decision could depend on it: another leg, flight mode, load, delivery or start of the drone,
 *    5 % of the battery, 200 m, or a minute. Any other costs no request.
 * T3 Storing costs one request: the last stored sample is remembered with its etag. If another process has written since,
 *    the etag does not match, and the stored sample is read.
 */
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { distance } from '../../shared/geo/distance.ts';
import { domainEventItem, type OutboxItem } from '../../shared/outbox/outbox.ts';
import type { DroneRepository } from './repository.ts';
import type { StateDocument } from './schemas.ts';

const BATTERY_STEP = 0.05;
const POSITION_STEP = 200;
const TIME_STEP_MS = 60_000;

interface Known {
  readonly stored: StateDocument;
  readonly etag: string;
  /** The newest sample, stored or not: the odometer counts every metre. */
  readonly latest: StateDocument;
}

export function createTelemetrySink(repository: DroneRepository): (record: TelemetryRecord) => Promise<void> {
  const remembered = new Map<string, Known>();

  const recall = async (droneId: string): Promise<Known | undefined> => {
    const known = remembered.get(droneId);
    if (known) return known;
    const found = await repository.state(droneId);
    return remembered.get(droneId) ?? (found && { stored: found.item, etag: found.etag, latest: found.item });
  };

  const store = async (document: StateDocument, known: Known | undefined): Promise<void> => {
    const { droneId } = document;
    remembered.delete(droneId);
    const changed = known && known.stored.flightMode !== document.flightMode;
    const etag = await repository.saveState(document, known?.etag, changed ? [statusItem(document)] : []);
    if (etag) remembered.set(droneId, { stored: document, etag, latest: document });
  };

  return (record) =>
    withOptimisticRetry(async () => {
      const known = await recall(record.droneId);
      if (!isNewer(record, known?.latest)) return;
      const document = stateOf(record, known?.latest);
      if (known && !matters(document, known.stored)) {
        remembered.set(record.droneId, { ...known, latest: document });
        return;
      }
      await store(document, known);
    });
}

/** Whether the sample is later in the same start of the drone, or of a later start. */
function isNewer(
  sample: { boot: string; seq: number; time: string },
  known: StateDocument | undefined,
): boolean {
  if (!known) return true;
  return sample.boot === known.boot
    ? sample.seq > known.seq
    : Date.parse(sample.time) > Date.parse(known.time);
}

/** Whether a decision could depend on the difference. */
function matters(sample: StateDocument, stored: StateDocument): boolean {
  return (
    sample.boot !== stored.boot ||
    sample.leg !== stored.leg ||
    sample.flightMode !== stored.flightMode ||
    sample.loaded !== stored.loaded ||
    sample.deliveryId !== stored.deliveryId ||
    Math.abs(sample.battery - stored.battery) >= BATTERY_STEP ||
    Date.parse(sample.time) - Date.parse(stored.time) >= TIME_STEP_MS ||
    distance(sample.position, stored.position) >= POSITION_STEP
  );
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
