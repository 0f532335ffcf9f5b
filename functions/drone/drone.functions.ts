/** The drone service's registration. */
import * as contract from '../../shared/contracts/drones.ts';
import { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { registerOutbox } from '../../shared/functions/change-feed.ts';
import { registerConsumer } from '../../shared/functions/event-hub.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createFleetHandlers } from './fleet.ts';
import { createMissionHandlers } from './mission.ts';
import { createDroneRepository } from './repository.ts';
import { createReserve } from './reserve.ts';
import { createTelemetrySink } from './telemetry.ts';

export function droneService(deps: ServiceDeps): Service {
  const repository = createDroneRepository(deps.database);
  const fleet = createFleetHandlers(repository, deps);
  const mission = createMissionHandlers(repository, deps);
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
      registerOutbox('drone', 'drones', deps);
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
