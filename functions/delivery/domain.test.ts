import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DELIVERY_STAGES, type DeliveryStage } from '../../shared/contracts/common.ts';
import { StageEvent } from '../../shared/contracts/deliveries.ts';
import { ENDED, EVENT_OF, transition, viewOf } from './domain.ts';
import type { DeliveryDocument } from './schemas.ts';

const EVENTS = StageEvent.shape.event.options;
const leadsOn = (stage: DeliveryStage, event: (typeof EVENTS)[number]) => {
  try {
    return transition(stage, event);
  } catch {
    return undefined;
  }
};

describe('the stages', () => {
  // A dot: refused.
  const TABLE = `
    from \\ event    Rescheduled HeadedToPickup HeadedToDropoff Returning Completed Cancelled Failed
    Created         yes         yes            yes             .         .         yes       yes
    Rescheduled     yes         yes            yes             .         .         yes       yes
    HeadedToPickup  yes         yes            yes             .         .         yes       yes
    HeadedToDropoff .           .              .               yes       yes       .         yes
    Returning       .           .              .               .         .         .         yes
    Completed       .           .              .               .         .         .         .
    Cancelled       .           .              .               .         .         .         .
    Failed          .           .              .               .         .         .         .`;
  const [head = [], ...rows] = TABLE.trim()
    .split('\n')
    .map((line) => line.replace(' \\ ', '/').trim().split(/\s+/));

  test('lead on as in the table; any other event is a conflict that names both', () => {
    expect(rows.map(([stage]) => stage).toSorted()).toEqual([...DELIVERY_STAGES].toSorted());
    expect(head.slice(1).toSorted()).toEqual([...EVENTS].toSorted());
    for (const [stage, ...cells] of rows) {
      for (const [index, cell] of cells.entries()) {
        const event = head[index + 1];
        const move = () => transition(stage as DeliveryStage, event as (typeof EVENTS)[number]);
        if (cell === 'yes') expect(move()).toBe(event);
        else
          expect(move).toThrow(
            expect.objectContaining({
              code: 'conflict',
              message: `a delivery that is ${stage} cannot become ${event}`,
            }),
          );
      }
    }
  });

  test('in any order of events end once, and a package that is returned is never delivered', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
        const path: DeliveryStage[] = ['Created'];
        for (const event of events) {
          const next = leadsOn(path.at(-1) as DeliveryStage, event);
          if (next) path.push(next);
        }
        const ends = path.filter((stage) => ENDED.has(stage));
        expect(ends.length).toBeLessThanOrEqual(1);
        if (ends.length > 0) expect(path.at(-1)).toBe(ends[0]);
        if (path.includes('Returning')) expect(path).not.toContain('Completed');
        if (path.includes('HeadedToDropoff')) expect(path).not.toContain('Cancelled');
      }),
    );
  });

  test('have ended exactly where no event leads on', () => {
    for (const stage of DELIVERY_STAGES) {
      expect(EVENTS.every((event) => leadsOn(stage, event) === undefined)).toBe(ENDED.has(stage));
    }
  });

  test('are told as events of their own names', () => {
    for (const stage of DELIVERY_STAGES) expect(EVENT_OF[stage]).toBe(`Delivery${stage}`);
  });
});

test('a view names the delivery by its id and shows nothing of its storage', () => {
  const at = '2026-11-23T12:00:00.000Z';
  const eta = { at, earliest: at, latest: at };
  const shown = {
    owner: { userId: 'ann', accountId: 'contoso' },
    pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
    dropoff: { latitude: 47.61, longitude: -122.3, altitude: 0 },
    expedited: false,
    confirmationRequired: 'None' as const,
    packageId: 'p1',
    stage: 'Created' as const,
    pickupEta: eta,
    deliveryEta: eta,
    confirmed: false,
    createdAt: at,
    updatedAt: at,
  };
  const document: DeliveryDocument = {
    ...shown,
    id: 'delivery',
    type: 'delivery',
    deliveryId: 'd1',
    accountId: 'contoso',
    sequence: 3,
    applied: ['e1'],
    call: { key: 'k', hash: 'h' } as unknown as NonNullable<DeliveryDocument['call']>,
    month: '2026-11',
    proof: {
      proofId: 'none',
      type: 'None',
      at,
      receivedAt: at,
      position: shown.pickup,
      by: 'ann',
    },
  };
  expect(viewOf(document)).toEqual({ ...shown, id: 'd1' });
});
