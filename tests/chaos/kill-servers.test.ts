import { killTests } from './kill.ts';

/** The process `support` holds storage, beside the issuer and the pages. */
killTests({ broker: 'event-hubs', Cosmos: 'cosmos', storage: 'support' });
