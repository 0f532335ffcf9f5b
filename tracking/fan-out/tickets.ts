/**
 * Issues tickets to browsers, whose EventSource and WebSocket cannot send a token.
 *
 * T1 A ticket opens one stream, once, within 30 s, and only the stream for which it was issued.
 * T2 A ticket carries the expiry of the token that requested it: its stream ends no later than that.
 */
import { randomBytes } from 'node:crypto';

export type Scope = { readonly deliveryId: string } | { readonly fleet: true };

/** The caller for whom the ticket was issued. */
export interface Holder {
  readonly subject: string;
  /** ms since the epoch: when the holder's token expires. */
  readonly expiresAt: number;
}

export interface Ticket {
  readonly ticket: string;
  /** ms since the epoch: when the ticket expires. */
  readonly redeemableUntil: number;
}

export interface Tickets {
  readonly issue: (scope: Scope, holder: Holder) => Ticket;
  /** The holder, if the ticket is valid for the stream. The ticket is used up in either case. */
  readonly redeem: (ticket: string, scope: Scope) => Holder | undefined;
  readonly sweep: () => void;
}

const LIFE_MS = 30_000;
const MAX_OPEN = 100_000;

export function createTickets(now: () => number): Tickets {
  const open = new Map<string, { readonly scope: string; readonly until: number; readonly holder: Holder }>();
  const sweep = () => {
    for (const [ticket, { until }] of open) {
      if (until > now() && open.size <= MAX_OPEN) break;
      open.delete(ticket);
    }
  };
  return {
    issue: (scope, holder) => {
      const ticket = randomBytes(32).toString('base64url');
      const redeemableUntil = Math.min(now() + LIFE_MS, holder.expiresAt);
      open.set(ticket, { scope: nameOf(scope), until: redeemableUntil, holder });
      sweep();
      return { ticket, redeemableUntil };
    },
    redeem: (ticket, scope) => {
      const found = open.get(ticket);
      open.delete(ticket);
      return found && found.until > now() && found.scope === nameOf(scope) ? found.holder : undefined;
    },
    sweep,
  };
}

const nameOf = (scope: Scope) => ('fleet' in scope ? 'fleet' : `delivery/${scope.deliveryId}`);
