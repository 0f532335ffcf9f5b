import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listHolds, releaseQuota } from '../../shared/contracts/accounts.ts';
import { listDrones, releaseDrone } from '../../shared/contracts/drones.ts';
import { cancelCarrier, listBookings } from '../../shared/contracts/third-party.ts';
import {
  compensateWorkflow,
  getWorkflow,
  listOverdueWorkflows,
  nudgeWorkflow,
  type WorkflowView,
} from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { createSupervisorRepository, type SupervisorRepository } from './repository.ts';
import { superviseOnce } from './round.ts';
import { createRecorder } from './work-items.ts';

let harness: Harness;
let repository: SupervisorRepository;
let overdue: WorkflowView[];
let workflows: Map<string, WorkflowView>;
let reservations: Map<string, string>;
let holds: { accountId: string; deliveryId: string; at: string }[];
let bookings: { deliveryId: string; accountId: string; carrierId: string; hasParcel: boolean; at: string }[];
let calls: string[];
let broken: Set<string>;
let unanswered: Set<string>;
let releaseWorks: boolean;

const view = (deliveryId: string, more: Partial<WorkflowView> = {}): WorkflowView => ({
  deliveryId,
  owner: { userId: 'ann', accountId: 'contoso' },
  state: 'Processing',
  step: 'reserveDrone',
  attempts: 1,
  generation: 1,
  pastPivot: false,
  deliveryCreated: false,
  plan: {
    pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
    dropoff: { latitude: 47.7, longitude: -122.4, altitude: 0 },
  },
  audit: [],
  completeBy: '2026-11-23T11:00:00.000Z',
  updatedAt: '2026-11-23T11:00:00.000Z',
  ...more,
});
const outcome = { kind: 'failed' as const, reasons: [], at: '2026-11-23T11:00:00.000Z' };
const performance = {
  cruiseSpeed: 15,
  climbRate: 3,
  descentRate: 2,
  cruiseAltitude: 60,
  emptyMass: 6,
  maxPayload: 5,
  batteryCapacity: 500,
  cruiseEnergy: 0.02,
  hoverPower: 400,
  handlingTime: 20,
  reserve: 0.2,
};

beforeEach(async () => {
  harness = await startHarness({ containers: ['workItems', 'deadLetters'] });
  repository = createSupervisorRepository(harness.database);
  [overdue, workflows, reservations, calls, broken] = [[], new Map(), new Map(), [], new Set()];
  holds = [];
  bookings = [];
  harness.answer(listBookings, async ({ query: { before } }) => ({
    status: 200 as const,
    body: { bookings: bookings.filter(({ at }) => at < before) },
  }));
  harness.answer(cancelCarrier, async ({ params: { deliveryId } }) => {
    note('unbook', deliveryId);
    if (deliveryId === 'collected-meanwhile') throw new AppError('package_on_board', 'it has the parcel');
    if (releaseWorks) bookings = bookings.filter((booking) => booking.deliveryId !== deliveryId);
    return { status: 204 as const };
  });
  harness.answer(listHolds, async ({ query: { before } }) => ({
    status: 200 as const,
    body: { holds: holds.filter(({ at }) => at < before) },
  }));
  harness.answer(releaseQuota, async ({ params: { accountId, deliveryId }, query }) => {
    note(query.settled === 'true' ? 'settle' : 'free', deliveryId);
    if (releaseWorks)
      holds = holds.filter((hold) => hold.accountId !== accountId || hold.deliveryId !== deliveryId);
    return { status: 204 as const };
  });
  [releaseWorks, unanswered] = [true, new Set()];
  const note = (what: string, deliveryId: string) => {
    if (broken.has(deliveryId)) throw new AppError('dependency_unavailable', 'away');
    calls.push(`${what} ${deliveryId}`);
  };
  harness.answer(listOverdueWorkflows, () => Promise.resolve({ status: 200, body: { workflows: overdue } }));
  harness.answer(nudgeWorkflow, async ({ params: { deliveryId } }) => {
    note('nudge', deliveryId);
    return { status: 202 as const, body: { deliveryId, action: 'woken' as const } };
  });
  harness.answer(compensateWorkflow, async ({ params: { deliveryId } }) => {
    note('compensate', deliveryId);
    return { status: 202 as const, body: { deliveryId } };
  });
  harness.answer(getWorkflow, async ({ params: { deliveryId } }) => {
    if (unanswered.has(deliveryId)) throw new AppError('dependency_unavailable', 'away');
    const workflow = workflows.get(deliveryId);
    if (!workflow) throw new AppError('not_found', 'no workflow');
    return { status: 200 as const, body: workflow };
  });
  harness.answer(releaseDrone, async ({ params: { deliveryId } }) => {
    note('release', deliveryId);
    if (releaseWorks)
      for (const [drone, held] of reservations) if (held === deliveryId) reservations.delete(drone);
    return { status: 204 as const };
  });
  harness.answer(listDrones, ({ query: { continuation } }) => {
    const drones = [...reservations].map(([id, reservedFor]) => ({ ...drone, id, reservedFor }));
    const page = continuation === undefined ? drones.slice(0, 1) : drones.slice(1);
    const next = continuation === undefined && drones.length > 1 ? { continuation: 'next' } : {};
    return Promise.resolve({ status: 200, body: { drones: page, ...next } });
  });
});
afterEach(() => harness[Symbol.asyncDispose]());

const drone = {
  model: 'm',
  performance,
  base: { baseId: 'b', position: { latitude: 0, longitude: 0, altitude: 0 } },
  cargoBay: 'Large' as const,
  health: 'Ok' as const,
  acceptsMissions: true,
};
const supervise = async () => {
  harness.clock.advance(30);
  const services = harness.deps('supervisor');
  await superviseOnce({ repository, recordItem: createRecorder(repository, services), services });
};
const rounds = async (n: number) => {
  for (let round = 0; round < n; round++) await supervise();
};
const items = () => repository.workItems({ limit: 100 });

describe('overdue workflows', () => {
  test('are woken for three rounds, then compensated, then an operator is told, once', async () => {
    overdue = [view('d1')];
    await rounds(3);
    expect(calls).toEqual(['nudge d1', 'nudge d1', 'nudge d1']);
    await rounds(1);
    expect(calls.at(-1)).toBe('compensate d1');
    expect(await items()).toEqual([]);
    await rounds(6);
    expect(await items()).toMatchObject([
      { deliveryId: 'd1', kind: 'Overdue', step: 'reserveDrone', status: 'Open' },
    ]);
  });

  test('that move on are counted from one again', async () => {
    overdue = [view('d1')];
    await rounds(3);
    overdue = [view('d1', { completeBy: '2026-11-23T11:30:00.000Z' })];
    await rounds(1);
    expect(calls).not.toContain('compensate d1');
    overdue = [];
    await rounds(1);
    expect(await repository.watches()).toEqual([]);
  });

  test('past the pivot are never compensated', async () => {
    overdue = [view('d1', { pastPivot: true, step: 'byCarrier' })];
    await rounds(20);
    expect(calls).not.toContain('compensate d1');
    expect(calls).toContain('nudge d1');
    expect(await items()).toHaveLength(1);
  });

  test('whose compensation failed are work at once, the same as the scheduler’s own', async () => {
    overdue = [view('d1', { state: 'CompensationFailed', lastError: 'bookCarrier: conflict: no' })];
    const services = harness.deps('supervisor');
    await createRecorder(
      repository,
      services,
    )({
      deliveryId: 'd1',
      kind: 'CompensationFailed',
      step: 'bookCarrier',
      detail: 'by the scheduler',
    });
    await rounds(2);
    expect(await items()).toHaveLength(1);
    expect(calls).toContain('nudge d1');
  });

  test('two rounds at the same moment do what one does', async () => {
    overdue = [view('d1'), view('d2')];
    const services = harness.deps('supervisor');
    const round = { repository, recordItem: createRecorder(repository, services), services };
    for (let n = 0; n < 4; n++) {
      harness.clock.advance(30);
      await Promise.all([superviseOnce(round), superviseOnce(round), superviseOnce(round)]);
    }
    const once = ['nudge d1', 'nudge d1', 'nudge d1', 'compensate d1'];
    expect(calls.filter((call) => call.endsWith('d1'))).toEqual(once);
    expect(calls.filter((call) => call.endsWith('d2'))).toHaveLength(4);
  });

  test('one that cannot be helped does not keep the others', async () => {
    overdue = [view('bad'), view('good')];
    broken.add('bad');
    await rounds(1);
    expect(calls).toEqual(['nudge good']);
  });
});

describe('orphaned reservations', () => {
  test('are released after a grace of two rounds; those of live workflows stay', async () => {
    reservations = new Map([
      ['drone-1', 'ended'],
      ['drone-2', 'unknown'],
      ['drone-3', 'live'],
    ]);
    workflows.set('ended', view('ended', { outcome }));
    workflows.set('live', view('live'));
    await rounds(2);
    expect(calls).toEqual([]);
    await rounds(1);
    expect(calls.toSorted((a, b) => a.localeCompare(b))).toEqual(['release ended', 'release unknown']);
    await rounds(3);
    expect([...reservations]).toEqual([['drone-3', 'live']]);
    expect(await items()).toEqual([]);
    expect(await repository.watches()).toEqual([]);
  });

  test('that were just being made are ignored, and the grace begins again', async () => {
    reservations = new Map([['drone-1', 'd1']]);
    await rounds(2);
    workflows.set('d1', view('d1'));
    await rounds(2);
    workflows.delete('d1');
    await rounds(2);
    expect(calls).toEqual([]);
  });

  test('are not released while the scheduler cannot be asked', async () => {
    reservations = new Map([['drone-1', 'd1']]);
    unanswered.add('d1');
    await rounds(5);
    expect(calls).toEqual([]);
    expect([...reservations]).toHaveLength(1);
  });

  test('that stay though released are an operator’s', async () => {
    reservations = new Map([['drone-1', 'd1']]);
    releaseWorks = false;
    await rounds(10);
    expect(await items()).toMatchObject([{ kind: 'OrphanReservation', deliveryId: 'd1' }]);
  });
});

describe('orphaned quota holds (W13)', () => {
  const at = '2026-11-23T11:00:00.000Z';

  test('are released after a grace of two rounds, settled where the delivery was completed; others stay', async () => {
    const held = (deliveryId: string, since = at) => ({ accountId: 'contoso', deliveryId, at: since });
    holds = [
      held('unknown'),
      held('failed'),
      held('done'),
      held('live'),
      held('young', '2026-11-23T12:30:00.000Z'),
    ];
    workflows.set('failed', view('failed', { outcome }));
    workflows.set('done', view('done', { outcome: { ...outcome, kind: 'completed' } }));
    workflows.set('live', view('live'));
    await rounds(2);
    expect(calls).toEqual([]);
    await rounds(1);
    expect(calls.toSorted()).toEqual(['free failed', 'free unknown', 'settle done']);
    await rounds(3);
    expect(holds.map(({ deliveryId }) => deliveryId)).toEqual(['live', 'young']);
    expect(await items()).toEqual([]);
  });

  test('that stay though released are an operator’s; while the scheduler is away, nothing is released', async () => {
    holds = [{ accountId: 'contoso', deliveryId: 'd1', at }];
    unanswered.add('d1');
    await rounds(5);
    expect(calls).toEqual([]);
    unanswered.clear();
    releaseWorks = false;
    await rounds(10);
    expect(await items()).toMatchObject([{ kind: 'OrphanHold', deliveryId: 'd1', step: 'holdQuota' }]);
  });
});

describe('orphaned bookings (W13)', () => {
  const at = '2026-11-23T11:00:00.000Z';
  const booked = (deliveryId: string, more: { hasParcel?: boolean; at?: string } = {}) => ({
    deliveryId,
    accountId: 'contoso',
    carrierId: 'courier',
    hasParcel: false,
    at,
    ...more,
  });

  test('are cancelled after a grace of two rounds; those of live workflows and young ones stay', async () => {
    bookings = [booked('unknown'), booked('failed'), booked('live')];
    bookings.push(booked('young', { at: '2026-11-23T12:30:00.000Z' }));
    workflows.set('failed', view('failed', { outcome }));
    workflows.set('live', view('live'));
    await rounds(2);
    expect(calls).toEqual([]);
    await rounds(1);
    expect(calls.toSorted()).toEqual(['unbook failed', 'unbook unknown']);
    await rounds(3);
    expect(bookings.map(({ deliveryId }) => deliveryId)).toEqual(['live', 'young']);
    expect(await items()).toEqual([]);
    expect(await repository.watches()).toEqual([]);
  });

  test('whose carrier has the parcel are an operator’s, whether the list says so or the carrier', async () => {
    bookings = [booked('collected', { hasParcel: true }), booked('collected-meanwhile')];
    workflows.set('collected', view('collected', { outcome }));
    await rounds(3);
    expect(calls).toEqual(['unbook collected-meanwhile']);
    expect((await items()).map(({ deliveryId, kind }) => `${kind} ${deliveryId}`).toSorted()).toEqual([
      'OrphanBooking collected',
      'OrphanBooking collected-meanwhile',
    ]);
  });

  test('that stay though cancelled are an operator’s; while the scheduler is away, nothing is cancelled', async () => {
    bookings = [booked('d1')];
    unanswered.add('d1');
    await rounds(5);
    expect(calls).toEqual([]);
    unanswered.clear();
    releaseWorks = false;
    await rounds(10);
    expect(await items()).toMatchObject([{ kind: 'OrphanBooking', deliveryId: 'd1', step: 'bookCarrier' }]);
  });
});

test('when the fleet cannot be listed, the round says so, and overdue workflows are still handled', async () => {
  overdue = [view('d1')];
  harness.answer(listDrones, () => Promise.reject(new AppError('dependency_unavailable', 'away')));
  await expect(rounds(1)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  expect(calls).toEqual(['nudge d1']);
});
