/** Puts the age of the newest position into words: fresh up to 3 s, then delayed, lost after 15 s. */

export type Freshness = 'fresh' | 'delayed' | 'lost';

const FRESH_MS = 3_000;
const DELAYED_MS = 15_000;

export function freshness(ageMs: number): Freshness {
  if (ageMs <= FRESH_MS) return 'fresh';
  return ageMs <= DELAYED_MS ? 'delayed' : 'lost';
}

export interface LiveFacts {
  /** Age of the newest position, ms; undefined until one has arrived. */
  readonly age: number | undefined;
  readonly isConnected: boolean;
  /** The state of the drone's link, from tracking. */
  readonly isLinkLost: boolean;
  readonly hasEnded: boolean;
}

export interface Chip {
  readonly tone: 'live' | 'quiet' | 'warn' | 'lost';
  readonly text: string;
}

export function liveChip({ age, isConnected, isLinkLost, hasEnded }: LiveFacts): Chip {
  if (hasEnded) return { tone: 'quiet', text: 'Ended' };
  if (age === undefined) {
    return isConnected
      ? { tone: 'quiet', text: 'Live · waiting for the drone' }
      : { tone: 'warn', text: 'Connecting…' };
  }
  const state = freshness(age);
  const ago = age < 1_000 ? 'now' : `${Math.round(age / 1000)} s ago`;
  if (state === 'lost') {
    return { tone: 'lost', text: isLinkLost ? `Drone out of contact · ${ago}` : `Connection lost · ${ago}` };
  }
  if (state === 'delayed' || !isConnected) {
    return { tone: 'warn', text: `${isConnected ? 'Delayed' : 'Reconnecting'} · ${ago}` };
  }
  return { tone: 'live', text: `Live · updated ${ago}` };
}
