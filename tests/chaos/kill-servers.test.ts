import { killTests } from './kill.ts';

/** The process that is called small holds storage, beside the issuer and the pages. */
killTests({ broker: 'event-hubs', Cosmos: 'cosmos', storage: 'small' });
