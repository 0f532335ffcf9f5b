/** The headers by which the Functions host and the local Cosmos DB server agree that a request of the change feed waits. */

/** Milliseconds for which a request may be held while there is nothing new. */
export const WAIT = 'x-local-wait-ms';
/** In the answer to a request with WAIT: the server supports it. */
export const WAITED = 'x-local-waited';
