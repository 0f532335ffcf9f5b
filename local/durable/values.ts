/** Converts values that functions get and return. */
import type { RpcTypedData } from '../functions-host/contract.ts';

/**
 * The return value of a function as JSON text; null for undefined and null.
 * NaN and the infinities become their names and bytes base64, as on a real host.
 */
export function jsonOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return JSON.stringify(value) ?? null;
  const data = value as RpcTypedData;
  if (data.json !== undefined) return data.json;
  if (data.string !== undefined) return JSON.stringify(data.string);
  if (data.int !== undefined) return JSON.stringify(data.int);
  if (data.double !== undefined)
    return Number.isFinite(data.double) ? JSON.stringify(data.double) : JSON.stringify(String(data.double));
  if (data.bytes !== undefined) return JSON.stringify(Buffer.from(data.bytes).toString('base64'));
  return null;
}

/**
 * Any value, handed over as it is: `@azure/functions` passes the member `int` on unchanged, and both sides are in one process, so that JSON
 * would be made only to be read again. It is the function's from then on.
 */
export function asIs(value: unknown): RpcTypedData {
  return { int: value as number };
}

/**
 * The input of an activity. `json` is the action's input as JSON text. The library has already encoded strings; booleans arrive as the words
 * True and False, as .NET writes them.
 */
export function activityInput(json: string | null): RpcTypedData {
  return ofValue(json === null ? null : JSON.parse(json));
}

/** The library tries to parse a string as JSON; if that must fail, this avoids the error. */
function ofString(value: string): RpcTypedData {
  return /^[\s"{[\d\-tfn]/.test(value) ? { string: value } : asIs(value);
}

function ofValue(value: unknown): RpcTypedData {
  if (value === null) return {};
  if (typeof value === 'string') return ofString(value);
  if (typeof value === 'boolean') return asIs(value ? 'True' : 'False');
  return asIs(value);
}

/** Binding data beside the input: the instance, the value, and the fields of an object at its top level. */
export function activityMetadata(
  json: string | null,
  instanceId: string,
  trigger: string,
): Record<string, RpcTypedData> {
  const metadata: Record<string, RpcTypedData> = { instanceId: ofString(instanceId) };
  const value: unknown = json === null ? null : JSON.parse(json);
  if (value === null) return metadata;
  metadata[trigger] = ofValue(value);
  metadata['data'] = asIs(value);
  if (typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, field] of Object.entries(value)) {
      if (field !== null && !(key in metadata)) metadata[key] = ofValue(field);
    }
  }
  return metadata;
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return typeof error === 'string' ? error : (JSON.stringify(error) ?? String(error));
}
