/** Structured logs: JSON lines, one object each; the trace id of the work under way is added by itself. */
import pino from 'pino';
import { currentTrace } from './trace.ts';

export type Log = pino.Logger;

export interface LogOptions {
  readonly name: string;
  /** trace, debug, info, warn, error, fatal or silent. */
  readonly level?: string;
}

/** Bodies, tokens and addresses never go into a log; the paths below are a second line of defence. */
export function createLog(options: LogOptions): Log {
  return pino({
    name: options.name,
    level: options.level ?? 'info',
    base: { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'authorization',
        '*.authorization',
        'token',
        '*.token',
        'emailAddress',
        '*.emailAddress',
        'sms',
        '*.sms',
      ],
    },
    mixin: () => {
      const trace = currentTrace();
      return trace ? { traceId: trace.traceId } : {};
    },
  });
}
