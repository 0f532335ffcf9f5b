/** The interface between a service and the composition root (functions/main.ts). */
import type { TokenCredential } from '@azure/identity';
import type { Settings } from '../config/settings.ts';
import type { Database } from '../cosmos/store.ts';
import type { Client } from '../http/client.ts';
import type { Endpoint } from '../http/pipeline.ts';
import type { Publisher } from '../messaging/publisher.ts';
import type { ServiceName } from '../service-names.ts';
import type { Log } from '../telemetry/log.ts';

export interface ServiceDeps {
  readonly settings: Settings;
  readonly database: Database;
  readonly publisher: Publisher;
  /** Calls other services by their contracts, as this service. */
  readonly call: Client;
  readonly log: Log;
  /** The app's managed identity (Azure). */
  readonly credential: () => TokenCredential;
  readonly now: () => Date;
  readonly newId: () => string;
}

export interface Service {
  readonly name: ServiceName;
  readonly endpoints: readonly Endpoint[];
  /** Registers every trigger but HTTP (Event Hubs, Cosmos, timers, Durable) with the host's programming model. */
  readonly registerTriggers?: () => void;
}
