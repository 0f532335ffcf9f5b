/** The sample carrier's process: `--port N --data DIR --speed X`. */
import { z } from 'zod';
import { createLog } from '../shared/telemetry/log.ts';
import { startCarrier } from './carrier.ts';
import { createTokenSource } from './link/token-source.ts';
import { checked, readArguments } from './options.ts';
import { runProcess } from './process.ts';

const CLIENT = 'carrier-1';

const Arguments = z.object({
  port: z.coerce.number().int().min(0).max(65_535),
  data: z.string().min(1),
  speed: z.coerce.number().positive().max(1000),
});

const Environment = z.object({
  IDENTITY_ISSUER: z.url(),
  DEMO_CLIENT_SECRET: z.string().min(1),
  CARRIER_API_KEY: z.string().min(1),
  API_AUDIENCE: z.string().min(1),
  LOG_LEVEL: z.string().default('info'),
});

await runProcess({
  name: 'carrier',
  start: async () => {
    const values = readArguments(process.argv.slice(2), {
      port: { type: 'string', default: '7077' },
      data: { type: 'string', default: '.data/carrier' },
      speed: { type: 'string', default: '1' },
    });
    const { port, data, speed } = checked(Arguments, values, '--');
    const settings = checked(Environment, process.env, '');
    const carrier = await startCarrier({
      port,
      dataDir: data,
      speed,
      apiKey: settings.CARRIER_API_KEY,
      log: createLog({ name: 'carrier', level: settings.LOG_LEVEL }),
      now: Date.now,
      token: createTokenSource({
        issuer: settings.IDENTITY_ISSUER,
        clientId: CLIENT,
        clientSecret: settings.DEMO_CLIENT_SECRET,
        now: Date.now,
        scope: `${settings.API_AUDIENCE}/.default`,
      }),
    });
    return {
      port: carrier.port,
      ready: `on port ${carrier.port}`,
      close: async () => carrier[Symbol.asyncDispose](),
    };
  },
});
