/** The drone service's registration. */
import { app } from '@azure/functions';
import * as contract from '../../shared/contracts/drones.ts';
import { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { registerOutbox } from '../../shared/functions/change-feed.ts';
import { registerConsumer } from '../../shared/functions/event-hub.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createFleetHandlers } from './fleet.ts';
import { createMissionHandlers } from './mission.ts';
import { createProjection } from './projection.ts';
import { createDroneRepository } from './repository.ts';
import { createReserve } from './reserve.ts';
import { createTelemetrySink } from './telemetry.ts';

/** NCRONTAB: a drone counts as silent half a minute after its time at the latest. */
const SWEEP_SCHEDULE = '*/30 * * * * *';

export function droneService(deps: ServiceDeps): Service {
  const repository = createDroneRepository(deps.database);
  const fleet = createFleetHandlers(repository, deps);
  const mission = createMissionHandlers(repository, deps);
  const project = createProjection(repository);
  const takeTelemetry = createTelemetrySink(repository);
  return {
    name: 'drone',
    endpoints: [
      endpoint(contract.putDrone, fleet.put),
      endpoint(contract.getDrone, fleet.get),
      endpoint(contract.listDrones, fleet.list),
      endpoint(contract.listDronesNearby, fleet.nearby),
      endpoint(contract.quoteDrone, fleet.quote),
      endpoint(contract.droneUtilization, fleet.utilization),
      endpoint(contract.reserveDrone, createReserve(repository, deps)),
      endpoint(contract.releaseDrone, mission.release),
      endpoint(contract.dispatchDrone, mission.dispatch),
      endpoint(contract.confirmMission, mission.confirm),
      endpoint(contract.recallDrone, mission.recall),
      endpoint(contract.getDroneDelivery, mission.get),
    ],
    registerTriggers: () => {
      registerOutbox('drone', 'droneDeliveries', deps);
      registerOutbox('drone', 'drones', deps, (documents) => project(documents, deps.now()));
      app.timer('drone_sweep', {
        schedule: SWEEP_SCHEDULE,
        handler: async () => {
          await repository.sweep.markSilent(deps.now());
          await repository.sweep.freeLapsed(deps.now());
        },
      });
      registerConsumer(
        {
          service: 'drone',
          hub: 'drone-telemetry',
          schema: TelemetryRecord,
          keyOf: (record) => record.droneId,
          handle: ({ message }) => takeTelemetry(message),
        },
        deps,
      );
    },
  };
}
