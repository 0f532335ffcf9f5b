/** Every place of a contract that a caller fills, and what may be written there; read from the contract's JSON schema. */
import { z } from 'zod';

export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export type Path = readonly (string | number)[];

export interface Slot {
  readonly path: Path;
  readonly schema: JsonSchema;
}

export function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema;
}

/** The schema itself and everything below it; the first element stands for an array's. */
export function slotsOf(schema: JsonSchema, path: Path = []): Slot[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const inner = [
    ...branches.flatMap((branch) => slotsOf(branch, path).slice(1)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) => slotsOf(each, [...path, name])),
    ...(schema.items ? slotsOf(schema.items, [...path, 0]) : []),
  ];
  const seen = new Set<string>();
  const unique = inner.filter((slot) => {
    const key = slot.path.join('/');
    return seen.has(key) ? false : seen.add(key);
  });
  return [{ path, schema }, ...unique];
}

/** Whether the schema allows this value; written apart from zod, so that zod's own faults are seen. */
export function allows(schema: JsonSchema, value: unknown): boolean {
  if (schema.anyOf ?? schema.oneOf) {
    return (schema.anyOf ?? schema.oneOf ?? []).some((branch) => allows(branch, value));
  }
  if (schema.allOf) return schema.allOf.every((branch) => allows(branch, value));
  if (schema.const !== undefined) return schema.const === value;
  if (schema.enum) return schema.enum.includes(value);
  const { type } = schema;
  if (type === 'string') return typeof value === 'string' && allowsText(schema, value);
  if (type === 'integer') return Number.isSafeInteger(value) && allowsNumber(schema, value as number);
  if (type === 'number')
    return typeof value === 'number' && Number.isFinite(value) && allowsNumber(schema, value);
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value) && value.length <= (schema.maxItems ?? Infinity);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return true;
}

function allowsText({ minLength = 0, maxLength = Infinity, pattern }: JsonSchema, text: string): boolean {
  if (!text.isWellFormed() || text.length < minLength || text.length > maxLength) return false;
  return pattern === undefined || new RegExp(pattern, 'u').test(text);
}

function allowsNumber(schema: JsonSchema, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  return value >= minimum && value <= maximum && value > exclusiveMinimum && value < exclusiveMaximum;
}

/** Fields that have no bound: an attacker fills them. */
export function unboundedOf(schema: JsonSchema): string[] {
  return slotsOf(schema).flatMap(({ path, schema: each }) => {
    const name = path.join('.');
    if (each.const !== undefined || each.enum) return [];
    if (each.type === 'string' && each.maxLength === undefined) return [`${name}: a text without a maximum`];
    if (each.type === 'array' && each.maxItems === undefined) return [`${name}: an array without a maximum`];
    if (each.type === 'number' || each.type === 'integer') {
      const bounded =
        (each.minimum ?? each.exclusiveMinimum) !== undefined &&
        (each.maximum ?? each.exclusiveMaximum) !== undefined;
      if (!bounded) return [`${name}: a number without bounds`];
      if (each.exclusiveMinimum === 0 && each.type === 'number')
        return [`${name}: a number as near to 0 as one likes`];
    }
    return [];
  });
}
