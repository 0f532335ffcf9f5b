/** A request that is right for a route, made from its contract: what the suites then bend. */
import type { Route } from '../../shared/http/define-route.ts';
import { allows, type JsonSchema, schemaOf } from './slots.ts';
import { type Belongings, DROPOFF, ETA, entryOf, LATER, PICKUP } from './world.ts';

export interface Sample {
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly body: unknown;
}

/** @param of whose things the parameters lead to */
export function sampleOf(route: Route, of: Belongings): Sample {
  const text = (value: unknown) =>
    Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, String(each)]));
  return {
    params: text(build(schemaOf(route.params), '', of)),
    query: text(build(schemaOf(route.query), '', of)),
    body: route.hasBody ? bodyOf(route, of) : undefined,
  };
}

/** Whole bodies whose fields hang together, or may not all be there at once. */
function bodyOf(route: Route, of: Belongings): unknown {
  const owner = { userId: of.userId, accountId: of.accountId };
  if (route.operation === 'archiveDelivery') return entryOf(of.deliveryId, owner);
  if (route.operation === 'notifyMe') return { webhook: 'https://hooks.example/fabrikam' };
  if (route.operation === 'rescheduleRequest') return { deadline: LATER };
  if (route.operation === 'submitRequest') {
    return { ...(build(schemaOf(route.body), '', of) as object), dropOffLocation: DROPOFF };
  }
  return build(schemaOf(route.body), '', of);
}

/** Values by the name of the field, where its type alone says too little. */
function named(name: string, of: Belongings): unknown {
  const owner = { userId: of.userId, accountId: of.accountId };
  const values: Record<string, unknown> = {
    ...of,
    owner,
    ownerId: of.accountId,
    pickup: PICKUP,
    dropoff: DROPOFF,
    pickupLocation: PICKUP,
    dropOffLocation: DROPOFF,
    position: PICKUP,
    geoCoordinates: DROPOFF,
    pickupEta: ETA,
    deliveryEta: ETA,
    size: 'Small',
    weight: 1,
    confirmationRequired: 'None',
    confirmationType: 'None',
    year: 2026,
    month: 11,
    lat: PICKUP.latitude,
    lon: PICKUP.longitude,
    eventId: 'event-1',
    at: LATER,
    encoding: 'text',
    payload: '{}',
    reserve: 0.2,
    event: 'HeadedToPickup',
    generation: 1,
    action: 'close',
  };
  return values[name];
}

/** The least that the schema wants, at the field of this name. */
export function build(schema: JsonSchema, name: string, of: Belongings): unknown {
  const known = named(name, of);
  if (known !== undefined && allows(schema, known)) return structuredClone(known);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const branch = (schema.anyOf ?? schema.oneOf ?? schema.allOf)?.[0];
  if (branch) return build(branch, name, of);
  if (schema.type === 'object') {
    const wanted = Object.entries(schema.properties ?? {}).filter(([key]) => schema.required?.includes(key));
    return Object.fromEntries(wanted.map(([key, each]) => [key, build(each, key, of)]));
  }
  if (schema.type === 'array') {
    return Array.from({ length: schema.minItems ?? 0 }, () => build(schema.items ?? {}, '', of));
  }
  if (schema.type === 'number' || schema.type === 'integer') {
    return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1);
  }
  if (schema.type === 'boolean') return false;
  return schema.format === 'date-time' ? LATER : schema.format === 'date' ? LATER.slice(0, 10) : 'sample';
}
