import { expect, test } from 'vitest';
import { readTrackingSettings } from './settings.ts';

const LEAST = {
  IDENTITY_ISSUER: 'http://127.0.0.1/',
  TRACKING_AUDIENCE: 'api',
  API_ORIGIN: 'http://127.0.0.1/',
  EVENTHUBS: 'Endpoint=…',
};

test('defaults', () => {
  expect(readTrackingSettings(LEAST)).toMatchObject({
    TRACKING_HOST: '127.0.0.1',
    TIME_SCALE: 1,
    TELEMETRY_RECORD_SECONDS: 2,
    LINK_LOST_SECONDS: 15,
    ALLOWED_ORIGINS: [],
  });
});

test.each([
  ['IDENTITY_ISSUER', { IDENTITY_ISSUER: 'nowhere' }],
  ['TRACKING_AUDIENCE', { TRACKING_AUDIENCE: undefined }],
  ['API_ORIGIN', { API_ORIGIN: undefined }],
  ['LIMIT_FRAMES_PER_SECOND', { LIMIT_FRAMES_PER_SECOND: '0' }],
  ['TIME_SCALE', { TIME_SCALE: '0' }],
  ['TRACKING_PORT', { TRACKING_PORT: '70000' }],
  ['EVENTHUBS or EVENTHUBS__fullyQualifiedNamespace', { EVENTHUBS: undefined }],
])('%s is named when it is wrong', (name, changes) => {
  expect(() => readTrackingSettings({ ...LEAST, ...changes })).toThrow(
    new RegExp(`^settings: ${name}(: | is missing)`),
  );
});

test('origins are a list', () => {
  const { ALLOWED_ORIGINS } = readTrackingSettings({ ...LEAST, ALLOWED_ORIGINS: 'http://a, http://b,' });
  expect(ALLOWED_ORIGINS).toEqual(['http://a', 'http://b']);
});
