import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AccessKey, checkSas, entityPath, isAllowed, type Right } from './auth.ts';

const NOW = Date.UTC(2026, 0, 1);
const KEYS: readonly AccessKey[] = [
  { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] },
  { name: 'sender', key: 'b3RoZXI=', rights: ['Send'] },
];

function sas(resource: string, changes: { key?: string; name?: string; seconds?: number } = {}): string {
  const { key = 'c2VjcmV0', name = 'root', seconds = 60 } = changes;
  const sr = encodeURIComponent(resource);
  const se = NOW / 1000 + seconds;
  const sig = createHmac('sha256', key).update(`${sr}\n${se}`).digest('base64');
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}&skn=${name}`;
}

const HOST = 'sb://127.0.0.1:5672';

test.each([
  ['sb://host:1/Hub/Partitions/1', 'hub/partitions/1'],
  ['sb://host/', ''],
  ['amqps://host/hub/', 'hub'],
  ['Hub', 'hub'],
])('%s is %s', (audience, path) => expect(entityPath(audience)).toBe(path));

describe('a signature covers', () => {
  test.each([
    ['telemetry', 'telemetry'],
    ['Telemetry', 'telemetry'],
    ['telemetry', 'telemetry/Partitions/1'],
    ['telemetry', 'telemetry/$management'],
    ['', 'telemetry'],
    ['telemetry/ConsumerGroups/a', 'telemetry/ConsumerGroups/a/Partitions/0'],
  ])('%s: %s', (resource, entity) => {
    const claim = checkSas(sas(`${HOST}/${resource}`), `${HOST}/${entity}`, KEYS, NOW);
    expect(claim).toEqual({
      audience: entity.toLowerCase(),
      rights: ['Manage', 'Send', 'Listen'],
      expires: NOW + 60_000,
    });
  });
});

describe('a signature does not cover', () => {
  test.each([
    ['telem', 'telemetry'],
    ['telemetry', 'telemetry2'],
    ['telemetry', 'other'],
    ['telemetry/Partitions/1', 'telemetry/Partitions/10'],
    ['telemetry/Partitions/1', 'telemetry'],
  ])('%s: %s', (resource, entity) => {
    expect(checkSas(sas(`${HOST}/${resource}`), `${HOST}/${entity}`, KEYS, NOW)).toBeUndefined();
  });
});

describe('a signature is refused', () => {
  const refused = (token: string) => expect(checkSas(token, `${HOST}/telemetry`, KEYS, NOW)).toBeUndefined();
  const good = sas(`${HOST}/telemetry`);
  test('that is of another key', () => refused(sas(`${HOST}/telemetry`, { key: 'bm9wZQ==' })));
  test('that names an unknown key', () => refused(sas(`${HOST}/telemetry`, { name: 'nobody' })));
  test('that has expired', () => refused(sas(`${HOST}/telemetry`, { seconds: -1 })));
  test('that expires now', () => refused(sas(`${HOST}/telemetry`, { seconds: 0 })));
  test('whose expiry was changed', () =>
    refused(good.replace(/se=(\d+)/, (_, se) => `se=${Number(se) + 1}`)));
  test('whose resource was changed', () => refused(good.replace('telemetry', 'telemetr')));
  test('whose signature is cut', () => refused(good.replace(/sig=[^&]{4}/, 'sig=')));
  test.each(['sr', 'sig', 'se', 'skn'])('without %s', (field) =>
    refused(good.replace(new RegExp(`${field}=[^&]*&?`), '')),
  );
  test.each(['', 'nonsense', 'SharedAccessSignature ', 'sr=%zz&sig=%zz&se=x&skn=root'])('%j', refused);
  test('with se that is no number', () => {
    const sr = encodeURIComponent(`${HOST}/telemetry`);
    const sig = createHmac('sha256', 'c2VjcmV0').update(`${sr}\nlater`).digest('base64');
    refused(`SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=later&skn=root`);
  });
});

describe('a claim', () => {
  const claim = (audience: string, rights: readonly Right[] = ['Listen'], expires = NOW + 1) => [
    { audience, rights, expires },
  ];
  test.each([
    ['hub', 'hub', true],
    ['hub', 'Hub/Partitions/1', true],
    ['hub', 'hub/ConsumerGroups/$Default/Partitions/0', true],
    ['hub/partitions/1', 'hub/Partitions/1', true],
    ['', 'hub', true],
    ['hub/partitions/1', 'hub', false],
    ['hub/partitions/1', 'hub/Partitions/2', false],
    ['hub/partitions/1', 'hub/Partitions/10', false],
    ['hub/$management', 'hub', false],
    ['hub', 'hub2', false],
  ])('on %j for %j: %j', (audience, entity, allowed) => {
    expect(isAllowed(claim(audience), entity, 'Listen', NOW)).toBe(allowed);
  });
  test('gives its own right only', () => expect(isAllowed(claim('hub'), 'hub', 'Send', NOW)).toBe(false));
  test('with Manage gives every right', () =>
    expect(isAllowed(claim('hub', ['Manage']), 'hub', 'Send', NOW)).toBe(true));
  test('with any right allows what needs any', () =>
    expect(isAllowed(claim('hub', ['Send']), 'hub/$management', undefined, NOW)).toBe(true));
  test('ends when it expires', () =>
    expect(isAllowed(claim('hub', ['Listen'], NOW), 'hub', 'Listen', NOW)).toBe(false));
  test('is needed', () => expect(isAllowed([], 'hub', undefined, NOW)).toBe(false));
});
