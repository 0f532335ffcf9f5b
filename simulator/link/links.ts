/** Runs the links of a whole fleet: they open a few at a time, and two timers serve them all. */
import type { FleetStore } from '../fleet/store.ts';
import type { Link } from './link.ts';

/** ms */
const REPEAT_EVENTS = 2_000;
const PING = 10_000;

/** Repeats waiting events and pings, until it is stopped. */
export function keepAlive(
  links: ReadonlyMap<string, Link>,
  store: Pick<FleetStore, 'dronesWithPending'>,
): () => void {
  const repeat = () => {
    for (const droneId of store.dronesWithPending()) links.get(droneId)?.repeat();
  };
  const ping = () => {
    for (const link of links.values()) link.ping();
  };
  const timers = [setInterval(repeat, REPEAT_EVENTS), setInterval(ping, PING)];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
