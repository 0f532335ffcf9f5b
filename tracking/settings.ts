/** Declares every setting that tracking reads. Tests compare tracking/k8s and the README's table with this schema. */
import { z } from 'zod';
import { describeProblems } from '../shared/config/problems.ts';
import { read } from '../shared/read.ts';

const seconds = (fallback: number) => z.coerce.number().positive().default(fallback);
const limit = (fallback: number) => z.coerce.number().int().positive().default(fallback);

export const TrackingSettingsSchema = z.object({
  TRACKING_PORT: z.coerce.number().int().min(0).max(65_535).default(8090).describe('Port; 0: any free port'),
  TRACKING_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on; 0.0.0.0 in a container'),
  IDENTITY_ISSUER: z.url().describe('Issuer of the tokens of drones and watchers'),
  TRACKING_AUDIENCE: z.string().min(1).describe('Audience that those tokens must have'),
  API_ORIGIN: z.url().describe('Origin of the API, whose supervisor receives dead letters'),
  AZURE_CLIENT_ID: z.string().optional().describe('Client ID of the user-assigned managed identity (Azure)'),
  EVENTHUBS: z.string().optional().describe('Event Hubs connection string (one machine)'),
  EVENTHUBS__fullyQualifiedNamespace: z
    .string()
    .optional()
    .describe('Event Hubs namespace, used with the identity (Azure)'),
  TIME_SCALE: z.coerce
    .number()
    .positive()
    .default(1)
    .describe('Simulated seconds per second; above 1 for demonstrations and tests only'),
  TELEMETRY_RECORD_SECONDS: seconds(2).describe(
    'Shortest time between two records of a drone on drone-telemetry',
  ),
  TELEMETRY_PARKED_SECONDS: seconds(10).describe(
    'The same for a drone that is parked; the drone service counts one as silent after 90',
  ),
  LINK_LOST_SECONDS: seconds(15).describe('Silence after which the link of a flying drone counts as lost'),
  ARRIVAL_RADIUS: seconds(100).describe(
    'Distance from its pickup or dropoff within which a drone has arrived, m',
  ),
  RETAIN_ENDED_SECONDS: seconds(600).describe('How long an ended delivery can still be watched'),
  RECONNECT_SPREAD_SECONDS: z.coerce
    .number()
    .nonnegative()
    .default(2)
    .describe('Time over which the watchers of a stopping process reconnect'),
  ALLOWED_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .describe('Origins of pages that may open streams, separated by commas'),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('Number of proxies in front of the app that add their caller’s address to X-Forwarded-For'),
  LIMIT_REQUESTS_PER_PRINCIPAL: limit(1_200).describe(
    'Requests, tickets and streams per minute from one caller',
  ),
  LIMIT_REQUESTS_PER_ADDRESS: limit(300_000).describe('Requests and upgrades per minute from one address'),
  LIMIT_WRONG_TOKENS_PER_ADDRESS: limit(120).describe('Wrong tokens per minute from one address'),
  LIMIT_STREAMS_PER_PRINCIPAL: limit(100).describe('Maximum number of open streams per caller'),
  LIMIT_SOCKETS_PER_ADDRESS: limit(20_000).describe('Maximum number of open WebSockets per address'),
  LIMIT_FRAMES_PER_SECOND: limit(200).describe('Frames per second from one drone'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'Collector that the spans of traces are sent to, by OTLP over HTTP; without one none are recorded',
    ),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Lowest level that is logged'),
});
export type TrackingSettings = z.output<typeof TrackingSettingsSchema>;

/** @throws Error that names every setting that is missing or wrong */
export function readTrackingSettings(
  environment: Readonly<Record<string, string | undefined>>,
): TrackingSettings {
  const result = read(TrackingSettingsSchema, environment);
  if (!result.ok) {
    throw new Error(`settings: ${describeProblems(result.errors, environment).join('; ')}`);
  }
  if (!result.value.EVENTHUBS && !result.value.EVENTHUBS__fullyQualifiedNamespace) {
    throw new Error('settings: EVENTHUBS or EVENTHUBS__fullyQualifiedNamespace is missing');
  }
  return result.value;
}
