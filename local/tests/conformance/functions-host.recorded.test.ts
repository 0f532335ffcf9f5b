import { beforeAll, describe, expect, test } from 'vitest';
import { comparison, endsAlike, expectedSteps, replay, type Step } from '../support/recorded-exchanges.ts';

/** 411 exchanges with a real host (4.1037.0, Durable extension 3.14.1), performed again against this one. None differs. */
/** Groups of the Durable API are cases of the Durable engine, the others of the host. */
const SERVER: Readonly<Record<string, 'durable' | 'functions-host'>> = {
  'http results': 'functions-host',
  routing: 'functions-host',
};

let actual: ReadonlyMap<string, Step>;
beforeAll(async () => {
  const [app, misc] = await Promise.all([replay('app'), replay('appmisc')]);
  const prefixed = [...misc].map(([id, step]) => [`no prefix ${id}`, step] as const);
  actual = new Map([...app, ...prefixed]);
}, 60_000);

const groups = Map.groupBy(
  [
    ...expectedSteps('app').map((step) => ({
      ...step,
      id: `${step.group}/${step.label}`,
      section: step.group,
    })),
    ...expectedSteps('appmisc').map((step) => ({
      ...step,
      id: `no prefix ${step.group}/${step.label}`,
      section: `${step.group} without a prefix`,
    })),
  ].filter(({ unstable }) => unstable === undefined),
  ({ section }) => section,
);

for (const [section, steps] of groups) {
  describe(`${SERVER[steps[0]?.group ?? ''] ?? 'durable'}: as recorded, ${section}`, () => {
    test.each(steps.map((step) => [step.label, step] as const))(
      '%s',
      (_, { id, section: _section, ...step }) => {
        const seen = actual.get(id);
        if (!seen) throw new Error(`${id} was not performed`);
        if (step.eventually && endsAlike(step.eventually, seen)) return;
        expect(comparison(seen)).toEqual(comparison(step));
      },
    );
  });
}

describe('functions-host: as recorded, all of it', () => {
  test('every exchange of the two recordings is compared, but the two that race on the real host', () => {
    const all = [...expectedSteps('app'), ...expectedSteps('appmisc')];
    expect(all).toHaveLength(411);
    expect(all.filter(({ unstable }) => unstable !== undefined)).toHaveLength(2);
    expect(actual.size).toBe(411);
  });
});
