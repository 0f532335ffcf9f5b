/**
 * Declares every setting that the Function App reads. Tests compare local.settings.sample.json, bicep/ and the README's
 * table with this schema. Connections have the two forms that Azure's bindings know: a connection string, or the parts of an
 * identity-based one (`COSMOS__accountEndpoint`).
 */
import { z } from 'zod';
import { parseJson, read } from '../read.ts';
import { SERVICES } from '../service-names.ts';
import { describeProblems } from './problems.ts';

const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const count = (fallback: number) => z.coerce.number().int().positive().default(fallback);

/** Parses JSON text into its value. */
const jsonSetting = (complaint: string) => (text: string, context: z.RefinementCtx) => {
  const parsed = parseJson(text);
  if (parsed.ok) return parsed.value;
  context.addIssue(complaint);
  return z.NEVER;
};

export const SettingsSchema = z.object({
  SERVICES: z
    .string()
    .default('')
    .transform((text) => (text.trim() === '' ? [...SERVICES] : text.split(',').map((name) => name.trim())))
    .pipe(z.array(z.enum(SERVICES)))
    .describe('Services that this app serves, separated by commas; empty: all'),
  SERVICE_ORIGINS: z
    .string()
    .default('{}')
    .transform(jsonSetting('must be JSON: {"drone": "https://…"}'))
    .pipe(z.partialRecord(z.enum(SERVICES), z.url()))
    .describe('JSON: for each service that another app serves, the origin of that app'),
  COSMOS: z.string().optional().describe('Cosmos DB connection string (one machine)'),
  COSMOS__accountEndpoint: z.url().optional().describe('Cosmos DB endpoint, used with the identity (Azure)'),
  COSMOS_DATABASE: z.string().default('drone-delivery').describe('Cosmos DB database'),
  EVENTHUBS: z.string().optional().describe('Event Hubs connection string (one machine)'),
  EVENTHUBS__fullyQualifiedNamespace: z
    .string()
    .optional()
    .describe('Event Hubs namespace, used with the identity (Azure)'),
  AzureWebJobsStorage: z.string().optional().describe('Storage connection string (one machine)'),
  AzureWebJobsStorage__accountName: z
    .string()
    .optional()
    .describe('Storage account, used with the identity (Azure)'),
  AzureWebJobsStorage__blobServiceUri: z
    .url()
    .optional()
    .describe('Address of Blob storage, used with the identity where the account name is not enough'),
  AZURE_CLIENT_ID: z.string().optional().describe('Client ID of the user-assigned managed identity (Azure)'),
  IDENTITY_ISSUER: z.url().describe('Issuer of the callers’ tokens'),
  API_AUDIENCE: z.string().min(1).describe('Audience that those tokens must have'),
  PUBLIC_ORIGIN: z.url().describe('Origin under which clients see the API and the pages'),
  CARRIERS: z
    .string()
    .default('[]')
    .transform(jsonSetting('must be JSON: [{"carrierId": "…", "url": "https://…"}]'))
    .pipe(
      z.array(z.strictObject({ carrierId: z.string().min(1), url: z.url(), apiKey: z.string().optional() })),
    )
    .describe('JSON: the third-party carriers, each with carrierId, url and apiKey'),
  NOTIFY_RELAY_URL: z
    .url()
    .optional()
    .describe('Relay that sends e-mail and SMS; without it, only webhooks are accepted'),
  WEBHOOK_SIGNING_KEYS: z
    .string()
    .default('')
    .transform((text) => (text.trim() === '' ? [] : text.split(',').map((key) => key.trim())))
    .pipe(z.array(z.string().min(32)).max(2))
    .describe(
      'Keys from which each account’s webhook secrets are derived, newest first, separated by a comma: one, or two during a rotation; without a key, webhooks are refused',
    ),
  OUTBOUND_ALLOW_LOOPBACK: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('`true` allows webhooks, relay and carriers on this machine (one machine only)'),
  MAX_SUBSCRIPTIONS_PER_DELIVERY: count(20).describe('Maximum number of subscriptions per delivery'),
  MAX_SUBSCRIPTIONS_PER_DAY: count(10_000).describe(
    'Maximum number of subscriptions that one account may create per day',
  ),
  MAX_SHARE_LINKS_PER_DELIVERY: count(20).describe('Maximum number of valid share links per delivery'),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(1)
    .describe('Number of proxies in front of the app that add their caller’s address to X-Forwarded-For'),
  LIMIT_REQUESTS_PER_PRINCIPAL: count(12_000).describe(
    'Requests per minute from one caller (account and subject of its token)',
  ),
  LIMIT_REQUESTS_PER_OPERATOR: count(120_000).describe('Requests per minute from one operator'),
  LIMIT_REQUESTS_PER_ADDRESS: count(300_000).describe('Requests per minute from one address'),
  LIMIT_WRONG_TOKENS_PER_ADDRESS: count(600).describe(
    'Requests per minute without a valid token from one address',
  ),
  TIME_SCALE: count(1).describe('Simulated seconds per second; above 1 for demonstrations and tests only'),
  RESERVATION_LEASE_SECONDS: seconds(60).describe(
    'How long a drone stays reserved until its mission is accepted',
  ),
  MISSION_ANSWER_SECONDS: seconds(20).describe('How long a drone may take to answer a mission'),
  RECALL_ANSWER_SECONDS: seconds(20).describe(
    'How long a drone may take to answer a recall before the recall is repeated',
  ),
  PICKUP_GRACE_SECONDS: seconds(600).describe(
    'How late after its ETA a pickup may be before another drone is sent',
  ),
  DELIVERY_GRACE_SECONDS: seconds(1800).describe(
    'How late after its ETA a delivery may arrive before an operator is alerted',
  ),
  CONFIRMATION_SECONDS: seconds(3600).describe(
    'How long a delivery waits for its proof before an operator is alerted',
  ),
  MAX_DRONES_PER_DELIVERY: count(3).describe('Drones tried before a carrier is booked'),
  STEP_ATTEMPTS: count(8).describe('Attempts of a step that fails with a retryable error'),
  STEP_RETRY_SECONDS: seconds(1).describe(
    'First pause between two attempts; later pauses double, up to a minute',
  ),
  RETENTION_DAYS: count(90).describe(
    'Days for which the records of ended work are kept: dead letters, settled work items, workflows, requests',
  ),
  ORCHESTRATION_RETENTION_DAYS: count(7).describe(
    'Age in days, counted from its start, at which the engine’s history of an ended orchestration is purged',
  ),
  CHANGE_FEED_POLL_MS: count(500).describe(
    'Pause between two reads of an idle change feed; the local Cosmos DB server is not polled',
  ),
  OVERDUE_SCHEDULE: z
    .string()
    .default('*/30 * * * * *')
    .describe('NCRONTAB schedule of the supervisor’s round'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'Collector that the spans of traces are sent to, by OTLP over HTTP; without a receiver none are recorded',
    ),
  APPLICATIONINSIGHTS_CONNECTION_STRING: z
    .string()
    .optional()
    .describe('Application Insights, where host and app send their telemetry with the identity (Azure)'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Lowest level that is logged'),
});

export type Settings = z.output<typeof SettingsSchema>;

/** @throws Error that lists every setting that is missing or wrong, by name */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const result = read(SettingsSchema, environment);
  if (!result.ok) throw unusable(describeProblems(result.errors, environment));
  const missing = missingConnections(result.value);
  if (missing.length > 0) throw unusable(missing);
  return result.value;
}

function unusable(problems: readonly string[]): Error {
  return new Error(`settings: ${problems.join('; ')}. local.settings.sample.json shows them all`);
}

function missingConnections(settings: Settings): string[] {
  const either = [
    ['COSMOS', 'COSMOS__accountEndpoint'],
    ['EVENTHUBS', 'EVENTHUBS__fullyQualifiedNamespace'],
    ['AzureWebJobsStorage', 'AzureWebJobsStorage__accountName', 'AzureWebJobsStorage__blobServiceUri'],
  ] as const;
  return either
    .filter((names) => names.every((name) => !settings[name]))
    .map((names) => `${names.join(' or ')} is missing`);
}
