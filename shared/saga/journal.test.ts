/** The journal, the inbox and the activities of steps, on the local Cosmos DB server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../telemetry/log.ts';
import { compensationOf, stepNames } from './define-saga.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { createJournal, type Journal } from './journal.ts';
import type { CarriedResult, StepInput } from './protocol.ts';
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
let inbox: Inbox<TinyDocument>;
let effects: { name: string; key: string }[];
let count = 0;
let id: string;
let fails: Map<string, AppError>;
/** As the orchestration carries them. */
let carried: readonly CarriedResult[];
/** The engine loses the answers. */
let loses: boolean;

beforeAll(async () => {
  harness = await startHarness({ containers: ['workflows'] });
  const store = harness.database.store<TinyDocument>('workflows');
  journal = createJournal(tinySaga, { store, documentId: 'workflow', now: () => harness.clock.now });
  inbox = createInbox({
    store,
    documentId: 'workflow',
    partition: (sagaId) => ({ deliveryId: sagaId }),
    retold: (all) => all,
    now: () => harness.clock.now,
  });
});
afterAll(() => harness[Symbol.asyncDispose]());
beforeEach(async () => {
  [effects, fails, carried, loses] = [[], new Map(), [], false];
  id = `saga-${++count}`;
  const document: TinyDocument = {
    id: 'workflow',
    deliveryId: id,
    state: 'Pending',
    step: 'begin',
    attempts: 0,
    generation: 1,
    effects: {},
    mail: 0,
    handled: [],
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
      journal,
      inbox,
      log: createLog({ name: 'test', level: 'silent' }),
    },
  );
const input = (more: Partial<StepInput> = {}): StepInput => ({
  id,
  generation: 1,
  attempt: 1,
  args: null,
  carried,
  handled: [],
  signals: 'new',
  mail: 0,
  ...more,
});
const call = async (name: string, more: Partial<StepInput> = {}) => {
  const result = await activities()[`tiny_${name}`]?.(input(more));
  if (!result) throw new Error(`there is no activity ${name}`);
  if (result.journaled) carried = [];
  const [, step = '', compensates] = /^(.+?)(_compensate)?$/.exec(name) ?? [];
  const kind = compensates ? 'compensate' : 'run';
  if (result.ok && !result.recorded && !loses)
    carried = [...carried, { step, kind, generation: 1, value: result.value }];
  return result;
};
/** Another activity has written what was carried. */
const record = async () => {
  await journal.set(input(), {});
  carried = [];
};
const compensate = (name: string) => call(compensationOf(tinySaga, name).replace('tiny_', ''));
const document = async () => (await journal.find(id)) as TinyDocument;
const names = () => effects.map(({ name }) => name);
const later = (generation: number) => journal.set(input(), { generation });
const finish = () => journal.set(input(), { outcome: { kind: 'failed' } });

describe('the journal', () => {
  test('has the intent before the effect, so that an effect of unknown outcome is compensated (J1)', async () => {
    loses = true;
    await call('book');
    expect(names()).toEqual(['book']);
    expect((await document()).effects['book']).toMatchObject({ status: 'intended' });
    loses = false;
    expect(await compensate('book')).toMatchObject({ ok: true });
    expect(names()).toEqual(['book', '-book']);
    await record();
    expect((await document()).effects['book']).toMatchObject({ status: 'compensated' });
  });

  test('refuses the late result of an older generation (J2)', async () => {
    await journal.begin(input(), ['book'], 'run');
    await later(2);
    carried = [{ step: 'book', kind: 'run', generation: 1, value: 'old' }];
    expect(await journal.begin(input(), ['ask'], 'run')).toEqual({ kind: 'superseded' });
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
    const begun = await Promise.all(kinds.map((kind) => journal.beginCompensation(input(), { kind })));
    expect(new Set(begun.map(({ pendingOutcome }) => pendingOutcome?.kind)).size).toBe(1);
    await finish();
    await expect(journal.beginCompensation(input(), { kind: 'late' })).rejects.toMatchObject({
      code: 'superseded',
    });
  });

  test('begins no compensation from outside once the pivot may have passed', async () => {
    await journal.begin(input(), ['send'], 'run');
    expect(await journal.beginCompensationBeforePivot(id, { kind: 'x' }, [])).toBeUndefined();
    expect((await document()).pendingOutcome).toBeUndefined();
    expect(await journal.beginCompensation(input(), { kind: 'x' })).toMatchObject({
      pendingOutcome: { kind: 'x' },
    });
  });

  test('shows the last error until a step succeeds after it (J6)', async () => {
    fails.set('hold', new AppError('conflict', 'no'));
    expect(await call('hold')).toMatchObject({ ok: false, error: { code: 'conflict', retryable: false } });
    expect(await document()).toMatchObject({ lastError: 'hold: conflict: no', state: 'Error' });
    expect(await call('book')).toMatchObject({ ok: true });
    await record();
    expect((await document()).lastError).toBeNull();
  });

  test('has a result with the next write, and until then only its intent (J7)', async () => {
    await call('hold');
    expect((await document()).effects['hold']).toMatchObject({ status: 'intended' });
    await call('book');
    const { effects: kept } = await document();
    expect(kept).toMatchObject({
      hold: { status: 'done', value: 'hold 1', generation: 1 },
      book: { status: 'intended' },
    });
  });

  test('answers a step whose own result is carried, and does not run it again (J4)', async () => {
    await call('hold');
    expect(await call('hold')).toMatchObject({ ok: true, value: 'hold 1', recorded: true });
    expect(names()).toEqual(['hold']);
    await call('ask');
    await call('ask');
    expect(names()).toEqual(['hold', 'ask', 'ask']);
  });

  test('takes more at once than the service takes in one request', async () => {
    const many = ['ask', 'hold', 'book', 'send', 'tell', 'ask'];
    carried = many.map((step) => ({ step, kind: 'run', generation: 1, value: step }));
    const handled = ['a', 'b', 'c', 'd', 'e', 'f'];
    await journal.set({ ...input(), handled }, { step: 'all' });
    const { effects: kept, handled: known, step } = await document();
    expect([Object.keys(kept).length, known, step]).toEqual([5, handled, 'all']);
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
    'begins after the compensation began': () => journal.beginCompensation(input(), { kind: 'failed' }),
    'is called by an older generation': () => later(2),
    'is called after the end': () => finish(),
  };

  test.each(stepNames(tinySaga))('%s (J2, J4)', async (name) => {
    const expected = consequenceOf(tinySaga.steps[name], situation);
    if (!expected) return;
    await prepare[situation](name);
    if (carried.length > 0) await record();
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
    const { signals } = await inbox.exchange(input());
    expect(signals.map(({ eventId }) => eventId)).toEqual(['b', 'a']);
  });

  test('is read by an activity only when something came since (B4)', async () => {
    const first = await call('ask', { signals: 'all' });
    expect(first).toMatchObject({ signals: [], mail: 0 });
    await inbox.put(id, signal('a'));
    const second = await call('ask');
    expect(second).toMatchObject({ signals: [{ eventId: 'a' }], mail: 1 });
    expect(await call('ask', { mail: 1 })).toMatchObject({ signals: [], mail: 1 });
    await inbox.put(id, signal('a'));
    expect(await call('ask', { mail: 1 })).toMatchObject({ signals: [{ eventId: 'a' }], mail: 2 });
  });

  test('takes an event before its saga, which begins by reading all (B1, B4)', async () => {
    await inbox.put('early', signal('a'));
    await inbox.put('early', signal('a'));
    const { state, received } = await inbox.read('early');
    expect([state, received.map(({ eventId }) => eventId)]).toEqual([undefined, ['a']]);
  });

  test('counts an event whose saga began while it was put (B4)', async () => {
    const store = harness.database.store<TinyDocument>('workflows');
    const racing = createInbox<TinyDocument>({
      store: {
        ...store,
        batch: async (key, operations) => {
          const failed = await store.batch(key, operations).catch((error: unknown) => error);
          await store.create({ ...(await document()), deliveryId: 'racing' });
          throw failed;
        },
      },
      documentId: 'workflow',
      partition: (deliveryId) => ({ deliveryId }),
      retold: (all) => all,
      now: () => harness.clock.now,
    });
    await racing.put('racing', signal('a'));
    expect(await racing.read('racing')).toMatchObject({ state: { mail: 1 }, received: [{ eventId: 'a' }] });
  });

  test('hands over a handled event only to an orchestration that begins (B3)', async () => {
    await inbox.put(id, signal('a'));
    expect(await call('ask', { handled: ['a'] })).toMatchObject({ ok: true, signals: [] });
    expect(await call('ask', { signals: 'all' })).toMatchObject({ ok: true, signals: [{ eventId: 'a' }] });
    expect((await inbox.read(id)).received).toMatchObject([{ eventId: 'a', handled: true }]);
  });
});
