/** The stages of a delivery as steps with times: done, current, to come. */
import { clock, timeLeft } from './eta.ts';
import type { DeliveryState } from './state.ts';
import { STEP_WORDS } from './step-words.ts';

export interface Step {
  readonly label: string;
  readonly state: 'done' | 'current' | 'next' | 'failed';
  /** Time of day at which it happened, or is expected. */
  readonly time: string | undefined;
  readonly isExpected: boolean;
  readonly detail: string | undefined;
}

interface Mark {
  readonly label: string;
  /** ms; undefined: it has not happened. */
  readonly at: number | undefined;
  readonly hasHappened: boolean;
  readonly expected?: number | undefined;
  readonly detail?: string | undefined;
}

const parse = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));

export function timeline(state: DeliveryState): Step[] {
  const marks = state.status?.carrier === 'third-party' ? carrierMarks(state) : droneMarks(state);
  const last = marks.findLastIndex(({ hasHappened }) => hasHappened);
  const shown = isOver(state) ? marks.filter(({ hasHappened }) => hasHappened) : marks;
  const steps = shown.map((mark, index): Step => {
    const time = mark.at ?? (mark.hasHappened ? undefined : mark.expected);
    return {
      label: mark.label,
      state: index > last ? 'next' : index === last && !state.hasEnded ? 'current' : 'done',
      time: time === undefined ? undefined : clock(time, false),
      isExpected: mark.at === undefined && time !== undefined,
      detail: mark.detail,
    };
  });
  const ending = endingOf(state);
  return ending ? [...steps, ending] : steps;
}

function droneMarks(state: DeliveryState): Mark[] {
  const { status, legs, latest } = state;
  const at = eventTimes(state);
  const leg = latest?.position.leg;
  const [pickedUp, completed] = [at('HeadedToDropoff'), at('Completed')];
  const isAtPickup = pickedUp !== undefined || legs.AtPickup !== undefined;
  const isAtDropoff = completed !== undefined || legs.AtDropoff !== undefined;
  const assigned = at('Created') ?? (status?.droneId ? parse(status.updatedAt) : undefined);
  return marksInOrder([
    { label: 'Requested', at: parse(status?.acceptedAt), hasHappened: true, detail: stepText(state) },
    { label: 'Drone assigned', at: assigned, hasHappened: assigned !== undefined, detail: status?.droneId },
    {
      label: 'Flying to the pickup',
      at: at('HeadedToPickup') ?? legs.ToPickup,
      hasHappened: at('HeadedToPickup') !== undefined || legs.ToPickup !== undefined,
    },
    {
      label: 'At the pickup, loading',
      at: legs.AtPickup,
      hasHappened: isAtPickup,
      expected: parse(state.pickupEta?.at),
    },
    {
      label: 'On its way to the dropoff',
      at: pickedUp,
      hasHappened: pickedUp !== undefined || leg === 'ToDropoff',
    },
    { label: 'Lowering the parcel', at: legs.AtDropoff, hasHappened: isAtDropoff },
    {
      label: 'Delivered',
      at: completed,
      hasHappened: completed !== undefined,
      expected: parse(state.deliveryEta?.at),
    },
  ]);
}

function carrierMarks(state: DeliveryState): Mark[] {
  const { status } = state;
  const at = eventTimes(state);
  const [collected, completed] = [at('HeadedToDropoff'), at('Completed')];
  return marksInOrder([
    { label: 'Requested', at: parse(status?.acceptedAt), hasHappened: true },
    { label: 'Courier booked', at: at('Created'), hasHappened: true, detail: status?.carrierId },
    {
      label: 'Collected by the courier',
      at: collected,
      hasHappened: collected !== undefined,
      expected: parse(state.pickupEta?.at),
    },
    {
      label: 'Delivered',
      at: completed,
      hasHappened: completed !== undefined,
      expected: parse(state.deliveryEta?.at),
    },
  ]);
}

/** When a mark has happened, all marks before it have been passed. */
function marksInOrder(marks: readonly Mark[]): Mark[] {
  const last = marks.findLastIndex(({ hasHappened }) => hasHappened);
  return marks.map((mark, index) => ({ ...mark, hasHappened: index <= last }));
}

function eventTimes({ events }: DeliveryState) {
  return (stage: string) => parse(events.findLast((event) => event.stage === stage)?.at);
}

const isOver = ({ hasEnded, stage }: DeliveryState) => hasEnded && stage !== 'Completed';

function endingOf(state: DeliveryState): Step | undefined {
  const { status, stage, events } = state;
  const words: Readonly<Record<string, string>> = {
    cancelled: 'Cancelled',
    rejected: 'Not possible',
    returned: 'Came back to the sender',
    failed: 'Failed',
    Cancelled: 'Cancelled',
    Failed: 'Failed',
    Returning: 'Coming back with the parcel',
  };
  const label = words[status?.outcome?.kind ?? ''] ?? words[stage ?? ''];
  if (label === undefined) return undefined;
  const time = parse(status?.outcome?.at ?? events.at(-1)?.at);
  return {
    label,
    state: 'failed',
    time: time === undefined ? undefined : clock(time, false),
    isExpected: false,
    detail: events.at(-1)?.reason,
  };
}

/** The workflow's step in words, while there is no delivery yet. */
function stepText({ status, events }: DeliveryState): string | undefined {
  return status && events.length === 0 && !status.outcome ? STEP_WORDS[status.step] : undefined;
}

/** One sentence for screen readers. */
export function announcement(state: DeliveryState, serverNow: number): string {
  const steps = timeline(state);
  const now = steps.findLast((step) => step.state !== 'next');
  const eta = state.hasEnded ? undefined : state.deliveryEta;
  const arrival = eta ? `, arrives in ${timeLeft(Date.parse(eta.at) - serverNow)}` : '';
  return now ? `${now.label}${arrival}.` : '';
}
