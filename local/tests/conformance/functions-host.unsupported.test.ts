/** N1 to N4: what the host cannot do for an app is said at its start, and an invocation that needs it fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hosted, host, KEYS, writeApp } from '../support/functions-host.ts';

const MAIN = `
const { app, input, output } = require('@azure/functions');
const hub = output.eventHub({ eventHubName: 'h', connection: 'X' });
const items = output.cosmosDB({ databaseName: 'd', containerName: 'c', connection: 'X' });
const item = input.cosmosDB({ databaseName: 'd', containerName: 'c', connection: 'X' });
app.http('writes', { extraOutputs: [hub, items], handler: (r, context) => {
  if (r.query.get('set')) context.extraOutputs.set(hub, { a: 1 });
  return { body: 'done' };
} });
app.http('reads', { extraInputs: [item], handler: (r, context) => ({ jsonBody: { item: context.extraInputs.get(item) ?? null } }) });
app.storageQueue('queued', { connection: 'X', queueName: 'q', handler: () => {} });
app.timer('unreadable', { schedule: 'every now and then', handler: () => {} });
app.timer('unset', { schedule: '%NO_SUCH_SETTING%', handler: () => {} });
app.eventHub('unconnected', { connection: 'NO_SUCH_CONNECTION', eventHubName: 'h', handler: () => {} });
app.timer('span', { schedule: '00:00:01', handler: (timer, context) => context.log('ran by its span') });
`;

let files: ReturnType<typeof writeApp>;
let app: Hosted;
const master = { 'x-functions-key': KEYS.master };

beforeAll(async () => {
  const eventHubs = { maxEventBatchSize: 10, batchCheckpointFrequency: 5 };
  files = writeApp({ 'main.cjs': MAIN }, { extensions: { eventHubs, queues: { batchSize: 1 } } });
  app = await host(files.dir);
});
afterAll(async () => {
  await app.stop();
  files.remove();
});

const errorsOf = async (name: string) =>
  (await app.json<{ errors?: string[] }>('GET', `/admin/functions/${name}/status`, { headers: master }))
    .errors;

describe('functions-host: schedules', () => {
  test('a schedule that cannot be read puts its function in error, and the host serves the others', async () => {
    expect(await errorsOf('unreadable')).toEqual([
      "The 'unreadable' function is in error: The schedule expression 'every now and then' was not recognized as a valid cron expression or timespan string.",
    ]);
    expect((await app.call('GET', '/api/writes')).status).toBe(200);
  });

  test('a function in error cannot be run by hand', async () => {
    const headers = { ...master, 'content-type': 'application/json' };
    expect((await app.call('POST', '/admin/functions/unreadable', { headers, body: '{}' })).status).toBe(404);
  });

  test('a schedule may be a time span', async () => {
    await expect.poll(() => app.output()).toContain('ran by its span');
  });

  test('a setting or a connection that is missing puts its function in error', async () => {
    expect((await errorsOf('unset'))?.join()).toContain('NO_SUCH_SETTING');
    expect((await errorsOf('unconnected'))?.join()).toContain('NO_SUCH_CONNECTION');
  });
});

describe('functions-host: not supported', () => {
  test('not supported: output bindings; they are named at the start, and an invocation that sets one fails', async () => {
    expect(await errorsOf('writes')).toEqual([
      "The 'writes' function fails when it sets its output eventHub, which is not supported by this host.",
      "The 'writes' function fails when it sets its output cosmosDB, which is not supported by this host.",
    ]);
    expect((await app.call('GET', '/api/writes')).status).toBe(200);
    expect((await app.call('GET', '/api/writes?set=1')).status).toBe(500);
    await expect
      .poll(() => app.output())
      .toMatch(/the output \w+ \(eventHub\) is not supported by this host/);
  });

  test('not supported: input bindings; they are named at the start, and every invocation fails', async () => {
    expect(await errorsOf('reads')).toEqual([
      "The 'reads' function fails: its input cosmosDB is not supported by this host.",
    ]);
    expect((await app.call('GET', '/api/reads')).status).toBe(500);
  });

  test('not supported: settings of host.json that the host does not know; they are named at the start', () => {
    expect(app.output()).toContain(
      'host.json: extensions.eventHubs.batchCheckpointFrequency is not supported',
    );
    expect(app.output()).toContain('host.json: extensions.queues.batchSize is not supported');
    expect(app.output()).not.toContain('maxEventBatchSize is not');
  });

  test('all that is in error is in the log at the start, each with the name of its function', () => {
    for (const name of ['queued', 'unreadable', 'unset', 'unconnected', 'writes', 'reads'])
      expect(app.output()).toContain(`The '${name}' function `);
  });
});
