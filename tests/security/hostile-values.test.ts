/**
 * Every hostile value in every field of every route, hub message and frame.
 *
 * V1 The answer is a 4xx, a dead letter or an error frame; a success only when the contract allows the value there.
 * V2 Every text, list and number that a caller fills has a bound.
 */
import type { InvocationContext } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { CloudEvent } from '../../shared/contracts/events.ts';
import { DroneCommand, DroneFrame, FlightEvent, TelemetryRecord } from '../../shared/contracts/flight.ts';
import { RequestMessage } from '../../shared/contracts/requests.ts';
import { recordDeadLetter } from '../../shared/contracts/supervisor.ts';
import { consumeBatch } from '../../shared/functions/event-hub.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Route } from '../../shared/http/define-route.ts';
import type { HubName } from '../../shared/messaging/hubs.ts';
import { read } from '../../shared/read.ts';
import { readFrame } from '../../tracking/ingest/read-frame.ts';
import { CLAIMS } from './callers.ts';
import { HOSTILE } from './hostile.ts';
import { CALLERS, EXPECTED } from './matrix-table.ts';
import { ROUTES, titleOf } from './routes.ts';
import { build, sampleOf } from './samples.ts';
import { allows, type JsonSchema, type Slot, schemaOf, slotsOf, unboundedOf } from './slots.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let cases = 0;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const HOLE = '"@@hostile@@"';

/** The sample with a hole at the path, as JSON text; what lies on the way to it is made. */
function withHole(sample: unknown, { path }: Slot, slots: readonly Slot[]): string {
  if (path.length === 0) return HOLE;
  const root = structuredClone(sample) as Record<string | number, unknown>;
  let at = root;
  for (const [index, key] of path.slice(0, -1).entries()) {
    const parent = slots.find((slot) => slot.path.join('/') === path.slice(0, index + 1).join('/'));
    if (typeof at[key] !== 'object' || at[key] === null)
      at[key] = build(parent?.schema ?? {}, String(key), world.contoso);
    if (typeof at[key] !== 'object') at[key] = typeof path[index + 1] === 'number' ? [] : {};
    at = at[key] as Record<string | number, unknown>;
  }
  at[path.at(-1) as string | number] = JSON.parse(HOLE);
  return JSON.stringify(root);
}

function valueOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A parameter of a path or a query is text: digits stand for a number. */
function allowsText(schema: JsonSchema, text: string): boolean {
  const numeric = /^-?\d+(\.\d+)?$/.test(text) && (schema.type === 'integer' || schema.type === 'number');
  return allows(schema, numeric ? Number(text) : text);
}

async function callerOf(route: Route): Promise<string> {
  const row = EXPECTED.get(titleOf(route));
  const caller = CALLERS.find((each) => row && '+0'.includes(row[each][0]));
  if (!caller) throw new Error(`nobody may call ${titleOf(route)}`);
  return world.issuer.token(CLAIMS[caller]);
}

describe.each(ROUTES.map((route) => [titleOf(route), route] as const))('V1 %s', (_, route) => {
  test.each(['params', 'query'] as const)('in its %s', async (part) => {
    const authorization = `Bearer ${await callerOf(route)}`;
    for (const { path, schema } of slotsOf(schemaOf(route[part])).slice(1)) {
      for (const [name, json] of HOSTILE) {
        const value = valueOf(json);
        const text = typeof value === 'string' ? value : json.slice(0, 5000);
        const sample = sampleOf(route, world.contoso);
        const { body } = sample;
        const reply = await world.harness.request(route, {
          params: sample.params,
          query: sample.query,
          [part]: { ...sample[part], [String(path[0])]: text },
          headers: { authorization },
          ...(body === undefined ? {} : { body }),
        });
        cases++;
        const outcome = `${part}.${path.join('.')} = ${name}: ${reply.status} ${JSON.stringify(reply.body)}`;
        expect(reply.status, outcome).toBeLessThan(500);
        if (reply.status < 300) expect(allowsText(schema, text), outcome).toBe(true);
      }
    }
    await world.restore(route.service);
  });

  test('in its body', async () => {
    if (!route.hasBody) return;
    const authorization = `Bearer ${await callerOf(route)}`;
    const slots = slotsOf(schemaOf(route.body));
    for (const slot of slots) {
      const { params, query, body } = sampleOf(route, world.contoso);
      const template = withHole(body, slot, slots);
      for (const [name, json] of HOSTILE) {
        const raw = template.replace(HOLE, () => json);
        const reply = await world.harness.request(route, { params, query, headers: { authorization }, raw });
        cases++;
        const outcome = `body.${slot.path.join('.')} = ${name}: ${reply.status} ${JSON.stringify(reply.body)}`;
        expect(reply.status, outcome).toBeLessThan(500);
        if (reply.status < 300) expect(allows(slot.schema, valueOf(json)), outcome).toBe(true);
      }
    }
    await world.restore(route.service);
  });
});

const MESSAGES: readonly [HubName, z.ZodType][] = [
  ['delivery-requests', RequestMessage],
  ['drone-events', FlightEvent],
  ['drone-telemetry', TelemetryRecord],
  ['drone-commands', DroneCommand],
  ['domain-events', CloudEvent],
];

/** Each alternative of a union for itself. */
function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.oneOf ?? schema.anyOf ?? [schema];
}

describe.each(MESSAGES)('V1 a message on %s', (hub, schema) => {
  test('becomes a dead letter, or is one that its contract allows', async () => {
    for (const branch of branchesOf(schemaOf(schema))) {
      const slots = slotsOf(branch);
      const sample = build(branch, '', world.contoso);
      expect(read(schema, sample), JSON.stringify(sample)).toMatchObject({ ok: true });
      for (const slot of slots) {
        const template = withHole(sample, slot, slots);
        for (const [name, json] of HOSTILE) {
          const outcome = await consumed(
            hub,
            schema,
            template.replace(HOLE, () => json),
          );
          cases++;
          const words = `${slot.path.join('.')} = ${name}: ${JSON.stringify(outcome).slice(0, 300)}`;
          expect(outcome.handled + outcome.letters, words).toBe(1);
          if (outcome.handled) expect(allows(slot.schema, valueOf(json)), words).toBe(true);
        }
      }
    }
  });
});

/** One message through the consumer that ships, its dead letters read by the contract of the supervisor. */
async function consumed(hub: HubName, schema: z.ZodType, text: string) {
  const outcome = { handled: 0, letters: 0 };
  const deps = {
    log: world.harness.deps('scheduler').log,
    call: (route: Route, { body }: { body: unknown }) => {
      if (route !== recordDeadLetter) throw new Error(`unexpected call of ${route.operation}`);
      if (read(recordDeadLetter.body, body).ok) outcome.letters++;
      return Promise.resolve({ status: 201, headers: {}, body: { id: 'x' } });
    },
  } as unknown as ServiceDeps;
  const handle = () => {
    outcome.handled++;
    return Promise.resolve();
  };
  const spec = { service: 'scheduler', hub, schema, keyOf: () => 'key', handle } as const;
  const message = { bytes: Buffer.from(text), partition: '0', sequenceNumber: 1, properties: {} };
  await consumeBatch([message], {} as InvocationContext, spec, deps);
  return outcome;
}

test('V1 a frame of a drone is an error, or one that its contract allows', () => {
  for (const branch of branchesOf(schemaOf(DroneFrame))) {
    const slots = slotsOf(branch);
    const sample = build(branch, '', world.contoso);
    expect(read(DroneFrame, sample), JSON.stringify(sample)).toMatchObject({ ok: true });
    for (const slot of slots) {
      const template = withHole(sample, slot, slots);
      for (const [name, json] of HOSTILE) {
        const { frame, wrong } = readFrame(template.replace(HOLE, () => json));
        cases++;
        const words = `${slot.path.join('.')} = ${name}`;
        if (frame) expect(allows(slot.schema, valueOf(json)), words).toBe(true);
        else expect(wrong, words).toBeTruthy();
      }
    }
  }
});

describe('V2 nothing without a bound', () => {
  test.each(ROUTES.map((route) => [titleOf(route), route] as const))('%s', (_, route) => {
    const unbounded = [route.params, route.query, route.body].flatMap((schema) =>
      unboundedOf(schemaOf(schema)),
    );
    expect(unbounded).toEqual([]);
  });
  test.each([...MESSAGES, ['frames', DroneFrame] as const])('%s', (_, schema) => {
    expect(unboundedOf(schemaOf(schema))).toEqual([]);
  });
});

test('at least 10,000 cases were tried', () => {
  expect(cases).toBeGreaterThanOrEqual(10_000);
});
