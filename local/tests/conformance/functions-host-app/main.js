// What the host's triggers are asked with. Every call is a line of the file that the setting RECORD names.
import { appendFileSync, existsSync } from 'node:fs';
import { app } from '@azure/functions';

const record = (line) => appendFileSync(process.env.RECORD, `${JSON.stringify(line)}\n`);
const retry = { strategy: 'fixedDelay', maxRetryCount: -1, delayInterval: { milliseconds: 50 } };
const failed = new Set();

/** Fails at the first sight of a poisoned event, and for as long as the file that the setting BROKEN names is there. */
const consume = (name) => async (events, context) => {
  const first = events.some(({ poison, id }) => poison && !failed.has(`${name} ${id}`));
  for (const { id } of events) failed.add(`${name} ${id}`);
  record({
    name,
    ids: events.map(({ id }) => id),
    failed: first,
    attempt: context.retryContext?.retryCount ?? 0,
    exception: context.retryContext?.exception?.message,
    system: Object.keys(context.triggerMetadata?.systemPropertiesArray?.[0] ?? {}),
  });
  const isBroken = existsSync(process.env.BROKEN);
  if (isBroken) await new Promise((resolve) => setTimeout(resolve, 50));
  if (first || isBroken) throw new Error('poisoned');
};

const hub = { connection: 'HUBS', eventHubName: 'telemetry', cardinality: 'many' };
app.eventHub('keeps', { ...hub, consumerGroup: 'keeps', retry, handler: consume('keeps') });
app.eventHub('loses', { ...hub, consumerGroup: 'loses', handler: consume('loses') });
app.eventHub('texts', {
  ...hub,
  eventHubName: 'texts',
  consumerGroup: '$Default',
  handler: (events) => record({ name: 'texts', events }),
});
const feed = {
  connection: 'COSMOS',
  databaseName: 'test',
  containerName: 'items',
  leaseContainerName: 'leases',
  createLeaseContainerIfNotExists: true,
  feedPollDelay: 50,
};
app.cosmosDB('feed', {
  ...feed,
  leaseContainerPrefix: 'feed-',
  startFromBeginning: true,
  retry,
  handler: consume('feed'),
});
app.cosmosDB('later', { ...feed, leaseContainerPrefix: 'later-', retry, handler: consume('later') });
const kinds = { ...hub, eventHubName: 'kinds' };
app.eventHub('one', {
  ...kinds,
  consumerGroup: 'one',
  cardinality: 'one',
  handler: (event, context) => record({ name: 'one', events: event, metadata: context.triggerMetadata }),
});
app.eventHub('bytes', {
  ...kinds,
  consumerGroup: 'bytes',
  dataType: 'binary',
  handler: (events) => record({ name: 'bytes', events: events.map((each) => each.toString('hex')) }),
});
app.eventHub('many', {
  ...kinds,
  consumerGroup: 'many',
  handler: (events, context) => record({ name: 'many', events, metadata: context.triggerMetadata }),
});
app.cosmosDB('few', {
  ...feed,
  leaseContainerPrefix: 'few-',
  startFromBeginning: true,
  maxItemsPerInvocation: 3,
  handler: (documents) => record({ name: 'few', documents }),
});
app.cosmosDB('fragile', {
  ...feed,
  leaseContainerPrefix: 'fragile-',
  startFromBeginning: true,
  handler: consume('fragile'),
});
app.http('slow', {
  handler: async () => {
    record({ name: 'slow' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return { body: 'done' };
  },
});
app.http('guarded', { authLevel: 'function', handler: () => ({ body: 'in' }) });
app.hook.appTerminate(() => record({ name: 'terminated' }));
