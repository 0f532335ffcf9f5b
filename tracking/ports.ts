/** What tracking needs of the message broker. hubs/ has the real ones; tests of single parts bring their own. */
import type { FlightEvent, TelemetryRecord } from '../shared/contracts/flight.ts';

/** Resolves when the broker has acknowledged all of them; rejects when it has not in time (some may be stored). */
export type PublishFlightEvents = (events: readonly FlightEvent[]) => Promise<void>;

/** As above; a batch of positions may be lost, since newer ones follow. */
export type PublishTelemetry = (records: readonly TelemetryRecord[]) => Promise<void>;

/** One message as it came: the body is JSON already, or whatever it was. */
export interface HubMessage {
  readonly body: unknown;
  readonly partition: string;
  readonly sequenceNumber: number;
}

export interface HubReader extends AsyncDisposable {
  /** Resolves when everything that lay in the hub at the start has been given out. */
  readonly rebuilt: Promise<void>;
  /** Did every partition make progress, or was found empty, within this many ms? */
  readonly isAlive: (within: number) => boolean;
}
