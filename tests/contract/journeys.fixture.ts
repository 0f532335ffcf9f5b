/** The journeys of a delivery: what happens to it, and what it leaves behind. */
import { DROPOFF, type Journey, type JourneyEvent, NEW_DROPOFF } from './saga.fixture.ts';

export const NOTHING_HELD = { held: 0, reserved: 0, inSequence: true };
export const flies = (generation = 1, from = 0): JourneyEvent[] => [
  { at: from + 1, kind: 'MissionAccepted', generation },
  { at: from + 5, kind: 'TookOff', generation },
  { at: from + 60, kind: 'PickedUp', generation },
  { at: from + 120, kind: 'Delivered', generation },
];
const IN_THE_AIR = flies().slice(0, 2);
export const DELIVERED = {
  ...NOTHING_HELD,
  outcome: 'completed',
  stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'],
  history: ['Completed'],
  packageThere: true,
  commands: ['Mission'],
  dropoff: DROPOFF,
};
export const BY_CARRIER = { weight: 20, carrierServes: true };
const ROUND_TRIP: JourneyEvent[] = [
  ...flies().slice(0, 3),
  { at: 80, kind: 'Aborted' },
  { at: 140, kind: 'Returned' },
];

export const JOURNEYS: readonly Journey[] = [
  { name: 'delivered', everyActivity: true, events: flies(), leaves: DELIVERED },
  {
    name: 'cancelled in the air',
    events: [...IN_THE_AIR, { at: 20, kind: 'cancel' }, { at: 25, kind: 'Recalled' }],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'cancelled',
      stages: ['Created', 'HeadedToPickup', 'Cancelled'],
      history: ['Cancelled'],
      packageThere: false,
      commands: ['Mission', 'Recall'],
      workflow: { cancel: 'cancelled' },
    },
  },
  {
    name: 'delivered after a cancel that the loaded drone refuses',
    events: [
      ...IN_THE_AIR,
      { at: 20, kind: 'cancel' },
      { at: 25, kind: 'RecallRefused' },
      ...flies().slice(2),
    ],
    leaves: { ...DELIVERED, commands: ['Mission', 'Recall'], workflow: { cancel: 'cancelRefused' } },
  },
  {
    name: 'delivered by the second drone',
    events: [{ at: 1, kind: 'MissionRefused' }, ...flies(2, 10)],
    leaves: { ...DELIVERED, commands: ['Mission', 'Mission'], workflow: { generation: 2 } },
  },
  {
    name: 'delivered by a carrier, because no drone answers',
    events: [
      { at: 350, kind: 'Collected' },
      { at: 450, kind: 'CarrierDelivered' },
    ],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'completed',
      history: ['Completed'],
      booking: 'Delivered',
    },
  },
  {
    name: 'rescheduled in the air',
    events: [...IN_THE_AIR, { at: 20, kind: 'reschedule' }, { at: 25, kind: 'Recalled' }, ...flies(2, 40)],
    leaves: {
      ...DELIVERED,
      stages: ['Created', 'HeadedToPickup', 'Rescheduled', ...DELIVERED.stages.slice(1)],
      commands: ['Mission', 'Recall', 'Mission'],
      dropoff: NEW_DROPOFF,
      workflow: { reschedule: 'rescheduled', generation: 2 },
    },
  },
  {
    name: 'returned by the drone',
    everyActivity: true,
    events: ROUND_TRIP,
    leaves: {
      ...NOTHING_HELD,
      outcome: 'returned',
      stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Returning', 'Failed'],
      history: ['Failed'],
      packageThere: true,
    },
  },
  {
    name: 'rejected, because no drone and no carrier can serve',
    weight: 60,
    carrierServes: false,
    events: [],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'rejected',
      stages: [],
      history: [],
      packageThere: false,
      commands: [],
    },
  },
  {
    name: 'delivered by a carrier',
    ...BY_CARRIER,
    events: [
      { at: 50, kind: 'Departed' },
      { at: 100, kind: 'Collected' },
      { at: 200, kind: 'CarrierDelivered' },
    ],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'completed',
      stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'],
      history: ['Completed'],
      booking: 'Delivered',
    },
  },
  {
    name: 'cancelled before the carrier collects',
    everyActivity: true,
    ...BY_CARRIER,
    events: [{ at: 50, kind: 'cancel' }],
    leaves: { ...NOTHING_HELD, outcome: 'cancelled', history: ['Cancelled'], booking: 'Cancelled' },
  },
  {
    name: 'failed by the carrier',
    ...BY_CARRIER,
    events: [{ at: 50, kind: 'CarrierFailed' }],
    leaves: { ...NOTHING_HELD, outcome: 'failed', history: ['Failed'] },
  },
];
