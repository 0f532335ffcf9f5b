/** The settings are said once, in shared/config: the sample for one machine and the README's table say the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPlatformOptions } from '../../platform/options.ts';
import { addressesOf, appSettings } from '../../platform/settings.ts';
import { readSettings, SettingsSchema } from '../../shared/config/settings.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMES = Object.keys(SettingsSchema.shape);
/** Of no use on one machine with connection strings, without a relay or without a receiver of spans. */
const NOT_SAMPLED = NAMES.filter((name) =>
  /__|^AZURE_CLIENT_ID$|^NOTIFY_RELAY_URL$|^OTEL_|^APPLICATIONINSIGHTS_/.test(name),
);
const sample = (
  JSON.parse(readFileSync(join(ROOT, 'local.settings.sample.json'), 'utf8')) as {
    Values: Record<string, string>;
  }
).Values;

test('local.settings.sample.json has every setting, and none that the code does not read', () => {
  const { FUNCTIONS_WORKER_RUNTIME: runtime, ...values } = sample;
  expect(runtime).toBe('node');
  expect(Object.keys(values).toSorted()).toEqual(
    NAMES.filter((name) => !NOT_SAMPLED.includes(name)).toSorted(),
  );
});

test('its connections are those of npm run start:servers, its other values the defaults', () => {
  const options = readPlatformOptions(['--servers']);
  const given = appSettings(options, addressesOf(options));
  expect(sample).toMatchObject(given);
  expect(readSettings(sample)).toEqual(readSettings(given));
});

test('what is missing is named, with where to look; what is wrong is named with why', () => {
  expect(() => readSettings({ PUBLIC_ORIGIN: 'nowhere' })).toThrow(
    /^settings: IDENTITY_ISSUER is missing; API_AUDIENCE is missing; PUBLIC_ORIGIN: Invalid URL\. local\.settings\.sample\.json shows them all$/,
  );
  const { COSMOS: _, ...others } = sample;
  expect(() => readSettings(others)).toThrow(/COSMOS or COSMOS__accountEndpoint is missing/);
});

test('the README’s table is the schema', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const rows = Object.entries(SettingsSchema.shape).map(([name, schema]) => {
    const { success, data } = schema.safeParse(undefined);
    const shown = name === 'SERVICES' ? 'all' : typeof data === 'object' ? JSON.stringify(data) : data;
    const fallback = success ? (shown === undefined ? '' : `\`${shown}\``) : 'none: it is needed';
    return `| \`${name}\` | ${schema.description} | ${fallback} |`;
  });
  for (const row of rows) expect(readme).toContain(row);
  expect([...readme.matchAll(/^\| `([A-Z][\w]+)` \|/gm)].map(([, name]) => name)).toEqual(NAMES);
});
