/**
 * Defines the saga of a delivery: its steps in their order, with all properties of each. docs/saga.md is made from this
 * table.
 */
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { defineSaga, type } from '../../shared/saga/define-saga.ts';
import type { Assignment, Change, Note, StageMove, WorkItemFacts } from './schemas.ts';

export const deliverySaga = defineSaga({
  prefix: 'scheduler',
  timeoutSeconds: 15,
  outcome: type<Outcome>(),
  change: type<Change>(),
  note: type<Note>(),
  steps: {
    holdQuota: {
      does: 'Hold one delivery of the account’s quota',
      once: 'saga',
      compensated: true,
      gate: true,
    },
    upsertPackage: { does: 'Store the package', once: 'saga', compensated: true, gate: true },
    reserveDrone: {
      does: 'Reserve the cheapest drone that can fly it',
      result: type<Assignment>(),
      once: 'generation',
      compensated: true,
    },
    bookCarrier: {
      does: 'Book a third-party carrier when no drone can serve',
      result: type<Assignment>(),
      once: 'generation',
      compensated: true,
      // It asks every carrier, each a service of another company, for a quote, then books.
      timeoutSeconds: 30,
    },
    createDelivery: { does: 'Create or replan the delivery', once: 'generation', compensated: true },
    dispatchDrone: { does: 'Send the mission to the drone', once: 'generation', compensated: true },
    confirmMission: {
      does: 'Keep the reservation until the accepted mission ends',
      once: 'generation',
    },
    cancelCarrier: {
      does: 'Ask the carrier to cancel',
      result: type<{ readonly cancelled: boolean }>(),
    },
    recallDrone: {
      does: 'Recall the drone',
      args: type<{ readonly reason: string }>(),
      result: type<{ readonly sent: boolean }>(),
    },
    pickUp: {
      does: 'Record that the package is on board',
      args: type<StageMove>(),
      pivot: true,
      forwardOnly: true,
    },
    moveStage: { does: 'Move the delivery to its next stage', args: type<StageMove>(), forwardOnly: true },
    checkProof: {
      does: 'Check whether the proof of delivery has arrived',
      result: type<{ readonly proven: boolean }>(),
      forwardOnly: true,
    },
    createWorkItem: {
      does: 'Create a work item for an operator',
      args: type<WorkItemFacts>(),
      untilDone: true,
    },
    releaseDrone: { does: 'Release the drone', forwardOnly: true },
    settleQuota: { does: 'Settle the quota', forwardOnly: true },
    archive: { does: 'Write the delivery’s history', args: type<Outcome>(), forwardOnly: true },
  },
});

export type DeliverySaga = typeof deliverySaga;
