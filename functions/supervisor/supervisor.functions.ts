/** The supervisor's registration: its routes and its round. */
import { app } from '@azure/functions';
import * as contract from '../../shared/contracts/supervisor.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createDeadLetterHandlers } from './dead-letters.ts';
import { createSupervisorRepository } from './repository.ts';
import { superviseOnce } from './round.ts';
import { createRecorder, createWorkItemHandlers } from './work-items.ts';

export function supervisorService(deps: ServiceDeps): Service {
  const repository = createSupervisorRepository(deps.database);
  const letters = createDeadLetterHandlers(repository, deps);
  const items = createWorkItemHandlers(repository, deps);
  return {
    name: 'supervisor',
    endpoints: [
      endpoint(contract.recordDeadLetter, letters.record),
      endpoint(contract.listDeadLetters, letters.list),
      endpoint(contract.getDeadLetter, letters.get),
      endpoint(contract.replayDeadLetter, letters.replay),
      endpoint(contract.discardDeadLetter, letters.discard),
      endpoint(contract.recordWorkItem, items.record),
      endpoint(contract.listWorkItems, items.list),
      endpoint(contract.settleWorkItem, items.settle),
    ],
    registerTriggers: () => {
      const round = { repository, recordItem: createRecorder(repository, deps), services: deps };
      app.timer('supervisor_round', {
        schedule: deps.settings.OVERDUE_SCHEDULE,
        handler: () => superviseOnce(round),
      });
    },
  };
}
