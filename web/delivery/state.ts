/** The state of one delivery on the page, from the request's status, the tracking events and tracking's stream. Pure. */
import type { z } from 'zod';
import type { Eta, Position } from '../../shared/contracts/common.ts';
import type { TrackingEvent } from '../../shared/contracts/deliveries.ts';
import type { FlightLeg, WatchFrame, WatchPosition } from '../../shared/contracts/flight.ts';
import type { RequestStatus } from '../../shared/contracts/requests.ts';
import type { StreamState } from '../server/stream.ts';
import { steadyEta } from './eta.ts';

export type Status = z.output<typeof RequestStatus>;
export type Event = Pick<z.output<typeof TrackingEvent>, 'sequence' | 'stage' | 'at' | 'reason'>;

export interface Received {
  readonly position: WatchPosition;
  /** ms since the epoch, on the browser's clock: when the sample was taken. */
  readonly takenAt: number;
}

export interface DeliveryState {
  readonly deliveryId: string;
  readonly status: Status | undefined;
  /** In order, each sequence once. */
  readonly events: readonly Event[];
  readonly stage: string | undefined;
  readonly pickup: Position | undefined;
  readonly dropoff: Position | undefined;
  readonly base: Position | undefined;
  readonly latest: Received | undefined;
  readonly pickupEta: Eta | undefined;
  readonly deliveryEta: Eta | undefined;
  /** When each leg was first seen, ms on the browser's clock. */
  readonly legs: Readonly<Partial<Record<FlightLeg, number>>>;
  readonly isLinkLost: boolean;
  readonly stream: StreamState;
  readonly hasEnded: boolean;
}

export type Change =
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'events'; readonly events: readonly Event[] }
  | {
      readonly kind: 'frame';
      readonly frame: WatchFrame;
      readonly receivedAt: number;
      readonly serverNow: number;
    }
  | { readonly kind: 'stream'; readonly stream: StreamState };

const ENDS: ReadonlySet<string> = new Set(['Completed', 'Cancelled', 'Failed']);

export function newDelivery(deliveryId: string): DeliveryState {
  return {
    deliveryId,
    status: undefined,
    events: [],
    stage: undefined,
    pickup: undefined,
    dropoff: undefined,
    base: undefined,
    latest: undefined,
    pickupEta: undefined,
    deliveryEta: undefined,
    legs: {},
    isLinkLost: false,
    stream: 'connecting',
    hasEnded: false,
  };
}

export function reduce(state: DeliveryState, change: Change): DeliveryState {
  switch (change.kind) {
    case 'stream':
      return { ...state, stream: change.stream };
    case 'events':
      return withEvents(state, change.events);
    case 'status':
      return withStatus(state, change.status);
    case 'frame':
      return withFrame(state, change.frame, change);
  }
}

/** An older status that arrives late changes nothing. */
function withStatus(state: DeliveryState, status: Status): DeliveryState {
  if (state.status && state.status.updatedAt > status.updatedAt) return state;
  const { request, pickupEta, deliveryEta, outcome } = status;
  return {
    ...state,
    status,
    pickup: request.pickupLocation,
    dropoff: request.dropOffLocation,
    pickupEta: state.latest ? state.pickupEta : pickupEta,
    deliveryEta: state.latest ? state.deliveryEta : deliveryEta,
    hasEnded: state.hasEnded || outcome !== undefined,
  };
}

function withEvents(state: DeliveryState, more: readonly Event[]): DeliveryState {
  const bySequence = new Map([...state.events, ...more].map((event) => [event.sequence, event]));
  const events = [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
  const stage = events.at(-1)?.stage ?? state.stage;
  return { ...state, events, stage, hasEnded: state.hasEnded || (stage !== undefined && ENDS.has(stage)) };
}

function withFrame(
  state: DeliveryState,
  frame: WatchFrame,
  time: { receivedAt: number; serverNow: number },
): DeliveryState {
  switch (frame.type) {
    case 'snapshot': {
      const { pickup, dropoff, base, stage, position } = frame;
      const seen = {
        ...state,
        stage: state.events.at(-1)?.stage ?? stage,
        pickup: pickup ?? state.pickup,
        dropoff: dropoff ?? state.dropoff,
        base: base ?? state.base,
        isLinkLost: false,
      };
      return position ? withPosition(seen, position, time) : seen;
    }
    case 'position':
      return withPosition({ ...state, isLinkLost: false }, frame.position, time);
    case 'link':
      return { ...state, isLinkLost: frame.state === 'lost' };
    case 'stage':
    case 'end': {
      const { stage, sequence, at } = frame;
      const next = withEvents(
        state,
        sequence === undefined ? [] : [{ sequence, stage: stage as Event['stage'], at }],
      );
      return { ...next, stage, hasEnded: next.hasEnded || frame.type === 'end' };
    }
  }
}

function withPosition(
  state: DeliveryState,
  position: WatchPosition,
  { receivedAt, serverNow }: { receivedAt: number; serverNow: number },
): DeliveryState {
  const hasNewLeg = state.latest?.position.leg !== position.leg;
  const steady = (shown: Eta | undefined, next: Eta | undefined) =>
    hasNewLeg ? next : steadyEta(shown, next, serverNow);
  return {
    ...state,
    latest: { position, takenAt: receivedAt - position.age },
    pickupEta: steady(state.pickupEta, position.pickupEta),
    deliveryEta: steady(state.deliveryEta, position.deliveryEta),
    legs:
      position.leg in state.legs ? state.legs : { ...state.legs, [position.leg]: receivedAt - position.age },
  };
}
