/** Reads the arguments and settings of the simulator and of the sample carrier. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { read } from '../shared/read.ts';

const Arguments = z.object({
  drones: z.coerce.number().int().min(1).max(5000),
  seed: z.coerce.number().int(),
  speed: z.coerce.number().positive().max(1000),
  data: z.string().min(1),
  replay: z.string().min(1).optional(),
});

const Environment = z.object({
  API_BASE_URL: z.url().transform((url) => url.replace(/\/(api\/?)?$/, '')),
  TRACKING_URL: z.string().regex(/^wss?:\/\//, 'must begin with ws:// or wss://'),
  IDENTITY_ISSUER: z.url(),
  /** The secret of each machine client is derived from it. */
  DEMO_CLIENT_KEY: z.string().min(1),
  API_AUDIENCE: z.string().min(1).optional(),
  /** The sample carrier runs if both are given. */
  CARRIER_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  CARRIER_API_KEY: z.string().min(1).optional(),
  LOG_LEVEL: z.string().default('info'),
});

export type SimulatorSettings = z.output<typeof Arguments> & z.output<typeof Environment>;

/** A mistake of the caller, reported in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError that names every value that is missing or not valid */
export function readOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): SimulatorSettings {
  const values = readArguments(argv, {
    drones: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    speed: { type: 'string', default: '1' },
    data: { type: 'string', default: '.data/simulator' },
    replay: { type: 'string' },
  });
  return { ...checked(Arguments, values, '--'), ...checked(Environment, environment, '') };
}

/** Parses argv by node:util's rules. @throws UsageError */
export function readArguments(
  argv: readonly string[],
  options: Record<string, { type: 'string'; default?: string }>,
): Record<string, unknown> {
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Checks values by a schema. @throws UsageError with the name of each value that is wrong */
export function checked<T extends z.ZodType>(schema: T, values: unknown, prefix: string): z.output<T> {
  const result = read(schema, values);
  if (result.ok) return result.value;
  const problems = result.errors.map(({ path, message }) => `${prefix}${path}: ${message}`);
  throw new UsageError(problems.join('; '));
}
