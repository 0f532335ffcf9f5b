/** The journal, the inbox and the activities of steps, on the local Cosmos DB server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import { compensationOf, stepNames } from './define-saga.ts';
import { createInbox, type Inbox, type InboxItem } from './inbox.ts';
import { createJournal, type Journal } from './journal.ts';
import type { StepInput } from './protocol.ts';
import { createStepActivities, type StepCall } from './run-step.ts';
import type { SagaDocument } from './saga-document.ts';
import { type Consequence, consequenceOf, SITUATIONS, type Situation } from './step-matrix.fixture.ts';
import { signal, tinySaga } from './tiny-saga.fixture.ts';

interface TinyDocument extends SagaDocument<{ kind: string }> {
  readonly deliveryId: string;
}
type Call = StepCall<TinyDocument>;

let harness: Harness;
let journal: Journal<TinyDocument>;
let inbox: Inbox;
let effects: { name: string; key: string }[];
let count = 0;
let id: string;
let fails: Map<string, AppError>;
let loses: boolean;

beforeAll(async () => {
  harness = await startHarness({ containers: ['workflows'] });
  const store = harness.database.store<TinyDocument>('workflows');
  journal = createJournal(tinySaga, { store, documentId: 'workflow', now: () => harness.clock.now });
  inbox = createInbox({
    store: harness.database.store<InboxItem>('workflows'),
    partition: (sagaId) => ({ deliveryId: sagaId }),
    retold: (_, all) => Promise.resolve(all),
    now: () => harness.clock.now,
  });
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(async () => {
  [effects, fails, loses] = [[], new Map(), false];
  id = `saga-${++count}`;
  const document: TinyDocument = {
    id: 'workflow',
    deliveryId: id,
    state: 'Pending',
    step: 'begin',
    attempts: 0,
    generation: 1,
    effects: {},
    updatedAt: harness.clock.now.toISOString(),
  };
  await harness.database.store('workflows').create(document);
});

const effect =
  (name: string) =>
  ({ idempotencyKey: key }: Call) => {
    effects.push({ name, key });
    const error = fails.get(name);
    return error ? Promise.reject(error) : Promise.resolve(`${name} ${effects.length}`);
  };
const silent = (name: string) => async (call: Call) => {
  await effect(name)(call);
};
const activities = () =>
  createStepActivities<typeof tinySaga, TinyDocument, Call>(
    tinySaga,
    {
      ask: { run: silent('ask') },
      hold: { run: effect('hold'), compensate: silent('-hold') },
      book: { run: effect('book'), compensate: silent('-book') },
      send: { run: silent('send') },
      tell: { run: silent('tell') },
    },
    {
      prepare: (call) => call,
      journal: {
        ...journal,
        done: (...args) =>
          loses ? Promise.reject(new AppError('dependency_unavailable', 'lost')) : journal.done(...args),
      },
      inbox,
      log: createLog({ name: 'test', level: 'silent' }),
    },
  );
const input = (more: Partial<StepInput> = {}): StepInput => ({
  id,
  generation: 1,
  attempt: 1,
  args: null,
  handled: [],
  signals: 'new',
  ...more,
});
const call = async (name: string, more: Partial<StepInput> = {}) => {
  const result = await activities()[`tiny_${name}`]?.(input(more));
  if (!result) throw new Error(`there is no activity ${name}`);
  return result;
};
const compensate = (name: string) => call(compensationOf(tinySaga, name).replace('tiny_', ''));
const document = async () => (await journal.find(id)) as TinyDocument;
const names = () => effects.map(({ name }) => name);
const later = (generation: number) => journal.set(input(), { generation });
const finish = () => journal.set(input(), { outcome: { kind: 'failed' } });

describe('the journal', () => {
  test('has the intent before the effect, so that an effect of unknown outcome is compensated (J1)', async () => {
    loses = true;
    expect(await call('book')).toMatchObject({ ok: false, error: { retryable: true } });
    expect(names()).toEqual(['book']);
    expect((await document()).effects['book']).toMatchObject({ status: 'intended' });
    loses = false;
    expect(await compensate('book')).toMatchObject({ ok: true });
    expect(names()).toEqual(['book', '-book']);
    expect((await document()).effects['book']).toMatchObject({ status: 'compensated' });
  });

  test('refuses the late result of an older generation (J2)', async () => {
    await journal.begin(input(), 'book', 'run');
    await later(2);
    await expect(journal.done(input(), 'book', 'run', 'old')).rejects.toMatchObject({ code: 'superseded' });
    await journal.failed(input(), 'book', 'run', new AppError('conflict', 'old'));
    await expect(journal.set(input(), { step: 'old' })).rejects.toMatchObject({ code: 'superseded' });
    const { effects: kept, lastError, step } = await document();
    expect([kept['book']?.status, lastError, step]).toEqual(['intended', undefined, 'book']);
  });

  test('compensates what never happened, and twice (J3)', async () => {
    expect(await compensate('hold')).toMatchObject({ ok: true });
    expect(await compensate('hold')).toMatchObject({ ok: true });
  });

  test('keeps the first of two outcomes, and none after the end (J5)', async () => {
    const kinds = ['one', 'two', 'three'];
    const begun = await Promise.all(kinds.map((kind) => journal.beginCompensation(id, { kind })));
    expect(new Set(begun.map(({ pendingOutcome }) => pendingOutcome?.kind)).size).toBe(1);
    await finish();
    await expect(journal.beginCompensation(id, { kind: 'late' })).rejects.toMatchObject({
      code: 'superseded',
    });
  });

  test('begins no compensation from outside once the pivot may have passed', async () => {
    await journal.begin(input(), 'send', 'run');
    expect(await journal.beginCompensationBeforePivot(id, { kind: 'x' }, [])).toBeUndefined();
    expect((await document()).pendingOutcome).toBeUndefined();
    expect(await journal.beginCompensation(id, { kind: 'x' })).toMatchObject({
      pendingOutcome: { kind: 'x' },
    });
  });

  test('shows the last error until a step succeeds after it (J6)', async () => {
    fails.set('hold', new AppError('conflict', 'no'));
    expect(await call('hold')).toMatchObject({ ok: false, error: { code: 'conflict', retryable: false } });
    expect(await document()).toMatchObject({ lastError: 'hold: conflict: no', state: 'Error' });
    expect(await call('book')).toMatchObject({ ok: true });
    expect((await document()).lastError).toBeNull();
  });

  test('marks a compensation that failed', async () => {
    await call('hold');
    fails.set('-hold', new AppError('conflict', 'no'));
    expect(await compensate('hold')).toMatchObject({ ok: false });
    const { state, effects: kept } = await document();
    expect([state, kept['hold']?.status]).toEqual(['CompensationFailed', 'compensationFailed']);
  });
});

describe.each(SITUATIONS)('a step that %s', (situation) => {
  const prepare: Readonly<Record<Situation, (name: string) => Promise<unknown>>> = {
    'is called again': (name) => call(name),
    'lost its answer, is called again': async (name) => {
      loses = true;
      await call(name);
      loses = false;
    },
    'is called after its compensation': async (name) => {
      await call(name);
      await compensate(name);
    },
    'begins after the compensation began': () => journal.beginCompensation(id, { kind: 'failed' }),
    'is called by an older generation': () => later(2),
    'is called after the end': () => finish(),
  };

  test.each(stepNames(tinySaga))('%s (J2, J4)', async (name) => {
    const expected = consequenceOf(tinySaga.steps[name], situation);
    if (!expected) return;
    await prepare[situation](name);
    const before = effects.length;
    const { updatedAt: _was, ...was } = await document();
    const result = await call(name);
    const ran = effects.length > before;
    const found: Consequence = ran ? 'runs' : result.ok ? 'is answered from the journal' : 'is superseded';
    expect(found).toBe(expected);
    if (!ran) expect(await document()).toMatchObject(was);
    if (ran && before > 0) expect(effects.at(-1)?.key).toBe(effects[0]?.key);
  });
});

describe('the inbox', () => {
  test('keeps an event once, in the order of arrival (B1, B2)', async () => {
    await inbox.put(id, signal('b'));
    harness.clock.advance(1);
    await inbox.put(id, signal('a'));
    await inbox.put(id, signal('b'));
    expect((await inbox.exchange(input())).map(({ eventId }) => eventId)).toEqual(['b', 'a']);
    expect(await inbox.open(id, ['other'])).toEqual([]);
  });

  test('hands over a handled event only to an orchestration that begins (B3)', async () => {
    await inbox.put(id, signal('a'));
    expect(await call('ask', { handled: ['a'] })).toMatchObject({ ok: true, signals: [] });
    expect(await call('ask', { signals: 'all' })).toMatchObject({ ok: true, signals: [{ eventId: 'a' }] });
    expect(await inbox.open(id, ['news'])).toEqual([]);
  });
});
