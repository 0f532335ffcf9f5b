/**
 * Serves `/admin/host/{keys|functionkeys|systemkeys}` and `/admin/functions/{name}/keys`: one key each, from the keys file.
 * https://learn.microsoft.com/azure/azure-functions/function-keys-how-to#get-your-function-access-keys
 */
import type { AdminAnswer, AdminRequest } from './admin-types.ts';
import { type HostKeys, newKey } from './keys.ts';

export interface KeyPlace {
  readonly keys: () => HostKeys;
  /** Stores them, in memory and in the file. */
  readonly change: (keys: HostKeys) => void;
}

interface Slot {
  /** The only key name in this place. */
  readonly name: string;
  readonly get: (keys: HostKeys) => string | undefined;
  readonly set: (keys: HostKeys, value: string) => HostKeys;
  readonly remove?: (keys: HostKeys) => HostKeys;
}

const HOST: Slot = {
  name: 'default',
  get: ({ host }) => host,
  set: (keys, host) => ({ ...keys, host }),
};
const SYSTEM: Slot = {
  name: 'durabletask_extension',
  get: ({ system }) => system.durabletask_extension,
  set: (keys, durabletask_extension) => ({ ...keys, system: { durabletask_extension } }),
};
const MASTER: Slot = {
  name: '_master',
  get: ({ master }) => master,
  set: (keys, master) => ({ ...keys, master }),
};

function functionSlot(name: string): Slot {
  return {
    name: 'default',
    get: ({ functions }) => functions[name],
    set: (keys, value) => ({ ...keys, functions: { ...keys.functions, [name]: value } }),
    remove: (keys) => {
      const { [name]: _removed, ...functions } = keys.functions;
      return { ...keys, functions };
    },
  };
}

/** Undefined: there is no such place. */
export function hostKeys(area: string, name: string | undefined, request: AdminRequest, place: KeyPlace) {
  if (area === 'systemkeys') return answer(name === MASTER.name ? MASTER : SYSTEM, name, request, place);
  return area === 'keys' || area === 'functionkeys' ? answer(HOST, name, request, place) : undefined;
}

/** A function without a key gets one on the first request. */
export function functionKeys(
  functionName: string,
  name: string | undefined,
  request: AdminRequest,
  place: KeyPlace,
): AdminAnswer {
  const slot = functionSlot(functionName);
  if (name === undefined && slot.get(place.keys()) === undefined && request.method === 'GET')
    place.change(slot.set(place.keys(), newKey()));
  return answer(slot, name, request, place);
}

function answer(slot: Slot, name: string | undefined, request: AdminRequest, place: KeyPlace): AdminAnswer {
  const value = slot.get(place.keys());
  const known = name === undefined || name.toLowerCase() === slot.name.toLowerCase();
  if (name === undefined) {
    if (request.method !== 'GET') return { status: 405 };
    return {
      status: 200,
      body: { keys: value === undefined ? [] : [{ name: slot.name, value }], links: [] },
    };
  }
  switch (request.method) {
    case 'GET':
      return known && value !== undefined
        ? { status: 200, body: { name: slot.name, value } }
        : { status: 404 };
    case 'POST':
    case 'PUT': {
      if (!known)
        return {
          status: 400,
          body: { Message: `this host keeps one key here, '${slot.name}'; others are not supported` },
        };
      const given = request.method === 'PUT' ? valueIn(request.body) : newKey();
      if (given === undefined) return { status: 400 };
      place.change(slot.set(place.keys(), given));
      return { status: value === undefined ? 201 : 200, body: { name: slot.name, value: given } };
    }
    case 'DELETE':
      if (!known || value === undefined) return { status: 404 };
      if (!slot.remove) return { status: 403 };
      place.change(slot.remove(place.keys()));
      return { status: 204 };
    default:
      return { status: 405 };
  }
}

/** Of `{name, value}`; undefined when there is none. */
function valueIn(body: Buffer): string | undefined {
  try {
    const { value } = JSON.parse(body.toString()) as { value?: unknown };
    return typeof value === 'string' && value !== '' ? value : undefined;
  } catch {
    return undefined;
  }
}
