/**
 * Keeps the claims of clients, by connection. A claim replaces the previous one for the same audience; a link is detached at the
 * moment when its last claim expires.
 */
import type { Connection } from './amqp/layers.ts';
import type { Link } from './amqp/link.ts';
import { type Claim, isAllowed } from './auth.ts';
import type { BrokerContext, OpenLink } from './broker-context.ts';
import { REFUSALS } from './refusals.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Claims {
  readonly allowed: BrokerContext['allowed'];
  /** The claim of a connection that has signed in by name: it is the only one, and does not expire. */
  signIn(connection: Connection, claim: Claim): void;
  add(connection: Connection, claim: Claim): void;
  forget(connection: Connection): void;
}

export function createClaims(links: ReadonlyMap<Link, OpenLink>, now: () => number): Claims {
  const claims = new Map<Connection, readonly Claim[]>();
  const expiries = new Map<Connection, NodeJS.Timeout>();
  const claimsOf = (connection: Connection) => claims.get(connection) ?? [];
  const allowed: Claims['allowed'] = (connection, entity, right) =>
    isAllowed(claimsOf(connection), entity, right, now());

  /** Checks now, and again when the next claim expires. */
  const detachExpired = (connection: Connection) => {
    for (const [link, { entity, right }] of links)
      if (link.connection === connection && !allowed(connection, entity, right)) link.close(REFUSALS.expired);
    clearTimeout(expiries.get(connection));
    const left = claimsOf(connection).filter(({ expires }) => expires > now());
    claims.set(connection, left);
    if (left.length === 0) return;
    const wait = Math.min(...left.map(({ expires }) => expires - now()), LONGEST_TIMER_MS);
    expiries.set(connection, setTimeout(() => detachExpired(connection), wait).unref());
  };

  return {
    allowed,
    signIn: (connection, claim) => claims.set(connection, [claim]),
    add(connection, claim) {
      const others = claimsOf(connection).filter(({ audience }) => audience !== claim.audience);
      claims.set(connection, [...others, claim]);
      detachExpired(connection);
    },
    forget(connection) {
      claims.delete(connection);
      clearTimeout(expiries.get(connection));
      expiries.delete(connection);
    },
  };
}
