/** The interfaces through which tracking reaches others. hubs/ and tracking.ts implement them; unit tests bring their own. */
import type { z } from 'zod';
import type { FlightEvent, TelemetryRecord } from '../shared/contracts/flight.ts';
import type { recordDeadLetter } from '../shared/contracts/supervisor.ts';

/** Resolves when the broker has acknowledged all events; rejects if it has not done so in time (some may be stored). */
export type PublishFlightEvents = (events: readonly FlightEvent[]) => Promise<void>;

/** Like `publishEvents`; a batch of positions may be lost, since newer ones follow. */
export type PublishTelemetry = (records: readonly TelemetryRecord[]) => Promise<void>;

/** The body of the supervisor's route. */
export type Letter = z.input<(typeof recordDeadLetter)['body']>;

/** Resolves when the supervisor has it. @throws AppError */
export type RecordDeadLetter = (letter: Letter) => Promise<void>;

/** A message as it arrived, not yet read. */
export interface HubMessage {
  readonly bytes: Uint8Array;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface HubReader extends AsyncDisposable {
  /** Resolves when everything that was in the hub at the start has been handed out. */
  readonly rebuilt: Promise<void>;
  /** Whether every partition has made progress, or was found empty, within this many ms. */
  readonly isAlive: (within: number) => boolean;
}
