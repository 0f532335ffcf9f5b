/**
 * Tickets for browsers, whose EventSource and WebSocket cannot send a token.
 *
 * T1 a ticket opens one stream, once, within 30 s, and only the stream it was made for.
 */
import { randomBytes } from 'node:crypto';

export type Scope = { readonly deliveryId: string } | { readonly fleet: true };

export interface Tickets {
  readonly issue: (scope: Scope) => string;
  /** The ticket is used up, whether it fits or not. */
  readonly redeem: (ticket: string, scope: Scope) => boolean;
  readonly sweep: () => void;
}

const LIFE_MS = 30_000;
const MAX_OPEN = 100_000;

export function createTickets(now: () => number): Tickets {
  const open = new Map<string, { readonly scope: string; readonly until: number }>();
  const sweep = () => {
    for (const [ticket, { until }] of open) {
      if (until > now() && open.size <= MAX_OPEN) break;
      open.delete(ticket);
    }
  };
  return {
    issue: (scope) => {
      const ticket = randomBytes(32).toString('base64url');
      open.set(ticket, { scope: nameOf(scope), until: now() + LIFE_MS });
      sweep();
      return ticket;
    },
    redeem: (ticket, scope) => {
      const found = open.get(ticket);
      open.delete(ticket);
      return found !== undefined && found.until > now() && found.scope === nameOf(scope);
    },
    sweep,
  };
}

const nameOf = (scope: Scope) => ('fleet' in scope ? 'fleet' : `delivery/${scope.deliveryId}`);
