import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  at,
  DROPOFF,
  delivery,
  eta,
  events,
  ms,
  PICKUP,
  position,
  status,
  withFrames,
} from './delivery.fixture.ts';
import { newDelivery, reduce } from './state.ts';

const START = newDelivery('d1');

describe('events', () => {
  test('come in any order, in any pieces, more than once: the same list in order, each once', () => {
    const all = events(4);
    const pieces = fc.array(fc.subarray(all, { minLength: 1 }), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, (pieces) => {
        const state = [...pieces, all.toReversed()].reduce(
          (current, piece) => reduce(current, { kind: 'events', events: piece }),
          START,
        );
        expect(state.events).toEqual(all);
        expect(state.stage).toBe('Completed');
        expect(state.hasEnded).toBe(true);
      }),
    );
  });

  test('none keep the stage that is known', () => {
    const seen = withFrames(START, { type: 'snapshot', deliveryId: 'd1', stage: 'HeadedToPickup' });
    expect(reduce(seen, { kind: 'events', events: [] }).stage).toBe('HeadedToPickup');
  });
});

describe('status', () => {
  test('gives places and expected times, until the stream has newer ones', () => {
    const known = reduce(START, { kind: 'status', status: status({ deliveryEta: eta(60) }) });
    expect(known).toMatchObject({ pickup: PICKUP, dropoff: DROPOFF, deliveryEta: eta(60), hasEnded: false });
    const flying = withFrames(known, { type: 'position', position: position({ deliveryEta: eta(90) }) });
    const again = reduce(flying, {
      kind: 'status',
      status: status({ updatedAt: at(30), deliveryEta: eta(61) }),
    });
    expect(again.deliveryEta).toEqual(eta(90));
  });

  test('an older one that comes late changes nothing', () => {
    const newer = reduce(START, { kind: 'status', status: status({ updatedAt: at(9), step: 'flight' }) });
    expect(reduce(newer, { kind: 'status', status: status({ updatedAt: at(8) }) })).toBe(newer);
  });

  test('an outcome ends the delivery, for good', () => {
    const outcome = { kind: 'rejected' as const, reasons: [], at: at(5) };
    const ended = reduce(START, { kind: 'status', status: status({ outcome }) });
    expect(ended.hasEnded).toBe(true);
    expect(reduce(ended, { kind: 'status', status: status({ updatedAt: at(2) }) }).hasEnded).toBe(true);
  });
});

describe('frames', () => {
  test('a snapshot fills what it knows and keeps the rest; its events count more than its stage', () => {
    const known = delivery({}, 2);
    const seen = withFrames(known, {
      type: 'snapshot',
      deliveryId: 'd1',
      stage: 'Created',
      base: PICKUP,
      position: position(),
    });
    expect(seen).toMatchObject({ stage: 'HeadedToPickup', pickup: PICKUP, dropoff: DROPOFF, base: PICKUP });
    expect(seen.latest).toEqual({ position: position(), takenAt: ms(20) - 100 });
  });

  test('a stage with its sequence becomes an event; one without only moves the stage', () => {
    const staged = withFrames(delivery({}, 1), {
      type: 'stage',
      stage: 'HeadedToPickup',
      sequence: 2,
      at: at(20),
    });
    expect(staged.events.map(({ stage }) => stage)).toEqual(['Created', 'HeadedToPickup']);
    const bare = withFrames(delivery({}, 1), { type: 'stage', stage: 'Returning', at: at(20) });
    expect([bare.stage, bare.events.length]).toEqual(['Returning', 1]);
  });

  test('the end ends', () => {
    expect(withFrames(delivery({}, 3), { type: 'end', stage: 'Cancelled', at: at(40) })).toMatchObject({
      stage: 'Cancelled',
      hasEnded: true,
    });
  });

  test('a lost link lasts until the drone is heard', () => {
    const lost = withFrames(START, { type: 'link', state: 'lost', at: at(20) });
    expect(lost.isLinkLost).toBe(true);
    expect(withFrames(lost, { type: 'position', position: position() }).isLinkLost).toBe(false);
    expect(withFrames(lost, { type: 'link', state: 'live', at: at(21) }).isLinkLost).toBe(false);
  });

  test('the first sight of each leg is remembered', () => {
    const first = withFrames(START, { type: 'position', position: position({ leg: 'AtPickup' }) });
    const later = reduce(first, {
      kind: 'frame',
      frame: { type: 'position', position: position({ leg: 'AtPickup' }) },
      receivedAt: ms(50),
      serverNow: ms(50),
    });
    expect(later.legs).toEqual({ AtPickup: ms(20) - 100 });
  });

  test('an arrival that trembles is shown steadily; on a new leg it is shown as it is', () => {
    const shown = withFrames(START, { type: 'position', position: position({ deliveryEta: eta(90) }) });
    const trembled = withFrames(shown, { type: 'position', position: position({ deliveryEta: eta(91) }) });
    expect(trembled.deliveryEta).toEqual(eta(90));
    const onNewLeg = withFrames(shown, {
      type: 'position',
      position: position({ leg: 'ToDropoff', deliveryEta: eta(91) }),
    });
    expect(onNewLeg.deliveryEta).toEqual(eta(91));
  });
});

test('the stream’s state is kept', () => {
  expect(reduce(START, { kind: 'stream', stream: 'broken' }).stream).toBe('broken');
});
