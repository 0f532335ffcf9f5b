/** Writes structured logs: one JSON object per line, with the trace id of the work under way. */
import { AsyncLocalStorage } from 'node:async_hooks';
import pino from 'pino';
import { traceId } from './trace.ts';

export type Log = pino.Logger;

export interface LogOptions {
  readonly name: string;
  /** trace, debug, info, warn, error, fatal or silent. */
  readonly level?: string;
}

/** Bodies, tokens and addresses are never logged; the paths below are a second line of defence. */
export function createLog(options: LogOptions): Log {
  return pino(
    {
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
        const id = traceId();
        return id ? { traceId: id } : {};
      },
    },
    destination(),
  );
}

/** Takes the warnings and errors of the work under way: the invocation of a function, which keeps their severity. */
export interface LogSink {
  warn(line: string): void;
  error(line: string): void;
}

/** pino's numbers. */
const WARN = 40;
const ERROR = 50;

const sinks = new AsyncLocalStorage<LogSink>();

/**
 * Gives the warnings and errors that are logged within `work` to the sink. The host reads each line of stdout as
 * information that belongs to no invocation, so on stdout their severity would be lost.
 */
export function withLogSink<T>(sink: LogSink, work: () => T): T {
  return sinks.run(sink, work);
}

/** stdout, except for the lines that a sink takes. https://getpino.io/#/docs/api?id=destinationsymbol_needsmetadata */
function destination(): pino.DestinationStream {
  const stdout = pino.destination(1);
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write: (line: string) => {
      const sink = stream.lastLevel >= WARN ? sinks.getStore() : undefined;
      if (!sink) stdout.write(line);
      else if (stream.lastLevel >= ERROR) sink.error(line.trimEnd());
      else sink.warn(line.trimEnd());
    },
  };
  return stream;
}
