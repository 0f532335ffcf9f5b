/** The context that the parts of the broker share: authorization, links, faults. */
import type { DiskWatch } from '../disk-watch.ts';
import type { Connection } from './amqp/layers.ts';
import type { Link } from './amqp/link.ts';
import type { Right } from './auth.ts';
import type { Broker } from './broker.ts';
import type { Faults } from './faults.ts';
import type { Producers } from './idempotence.ts';
import type { Meter } from './meter.ts';

export interface OpenLink {
  readonly hub: string;
  readonly partition: number | undefined;
  /** The entity that a token must cover. */
  readonly entity: string;
  readonly right: Right;
}

export interface BrokerContext {
  readonly broker: Broker;
  readonly faults: Faults;
  readonly producers: Producers;
  readonly ingress: Meter;
  readonly egress: Meter;
  readonly disk: DiskWatch;
  readonly now: () => number;
  allowed(connection: Connection, entity: string, right: Right | undefined): boolean;
  /** Registers an open link; `closed` is called when it closes. */
  register(link: Link, facts: OpenLink, closed?: () => void): void;
  /** Registers work that an orderly end waits for. */
  track(work: Promise<unknown>): void;
}

/** An entity's path, as a link's address names it: some clients write a slash in front, or the whole address with its host. */
export function pathOf(address = ''): string {
  return address.replace(/^\w+:\/\/[^/]*/, '').replace(/^\/+/, '');
}
