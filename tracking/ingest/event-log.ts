/** Counts and logs the outcome of each flight event. */
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Metrics } from '../metrics.ts';
import type { Outcome } from './flight-events.ts';

export function createEventLog(metrics: Metrics, log: Log): (event: FlightEvent, outcome: Outcome) => void {
  return ({ kind, droneId, deliveryId, eventId }, outcome) => {
    const labels = { kind, result: outcome.kind };
    metrics.counter('tracking_flight_events_total', 'Flight events by their outcome', labels).add();
    const facts = { kind, droneId, deliveryId, eventId };
    if (outcome.kind === 'refused') log.warn({ ...facts, ...outcome.refusal }, 'a flight event was refused');
    else if (outcome.kind === 'unanswered') log.warn({ ...facts, err: outcome.error }, 'not published yet');
    else log.debug({ ...facts, result: outcome.kind }, 'flight event');
  };
}
