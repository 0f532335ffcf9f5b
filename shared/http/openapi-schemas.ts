/** Selects and names the schemas of the OpenAPI document. Pure. */
import type { ZodOpenApiOverrideContext } from 'zod-openapi';

type Json = Readonly<Record<string, unknown>>;

const SCHEMAS_AT = '#/components/schemas/';
const REFERENCE = /"#\/components\/schemas\/([^"]+)"/g;

export interface OpenApiDocument {
  readonly paths: Json;
  readonly components: Json & { readonly schemas: Json };
}

/** Keeps the schemas that the routes use. One that occurs only in answers needs no `Output` in its name. */
export function withoutUnused(document: OpenApiDocument): OpenApiDocument {
  const { schemas } = document.components;
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(REFERENCE)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(document.paths);
  const shortOf = (name: string) => {
    const short = name.replace(/Output$/, '');
    return used.has(short) ? name : short;
  };
  const kept = [...used].map((name) => [shortOf(name), schemas[name]] as const);
  const components = {
    ...document.components,
    schemas: Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  return withNames({ ...document, components }, shortOf) as OpenApiDocument;
}

/** The same with other names in its references. */
function withNames(part: unknown, nameOf: (name: string) => string): unknown {
  if (typeof part === 'string') {
    return part.startsWith(SCHEMAS_AT) ? `${SCHEMAS_AT}${nameOf(part.slice(SCHEMAS_AT.length))}` : part;
  }
  if (Array.isArray(part)) return part.map((each) => withNames(each, nameOf));
  if (typeof part !== 'object' || part === null) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withNames(value, nameOf)]));
}

/** An enumeration that is also read as numbers says so; only its names are answered. */
export function describeNumbers({ jsonSchema, io }: ZodOpenApiOverrideContext): void {
  const values = jsonSchema.enum as unknown[] | undefined;
  if (jsonSchema.type !== 'string' || !values?.some((value) => typeof value === 'number')) return;
  if (io === 'input') jsonSchema.type = ['string', 'integer'] as unknown as 'string';
  else jsonSchema.enum = values.filter((value) => typeof value === 'string');
}
