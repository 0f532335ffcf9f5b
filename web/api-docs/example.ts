/** Makes examples from schemas, and the `curl` command that sends one. Pure. */
import { type ApiDocument, expanded, type Parameter, type Route, type Schema } from './document.ts';

/** Values that make sense in this product, by the name of the field. */
const KNOWN: Readonly<Record<string, string | number>> = {
  ownerId: 'contoso',
  accountId: 'contoso',
  userId: 'alice',
  droneId: 'drone-1',
  pickupLocation: '200 Market Street',
  dropOffLocation: '412 Beacon Street',
  latitude: 47.6,
  longitude: -122.3,
  lat: 47.6,
  lon: -122.3,
  radius: 2000,
  altitude: 0,
  weight: 1.2,
  hours: 24,
  year: 2026,
  month: 11,
  emailAddress: 'alice@contoso.example',
  sms: '+1 206 555 0100',
  webhook: 'https://contoso.example/hooks/deliveries',
};
/** Alternative spellings of the original, and fields that the service reads and ignores. */
const LEFT_OUT: ReadonlySet<string> = new Set(['dropoffLocation', 'deliveryId']);
const DEEPEST = 6;

export function exampleOf(schema: Schema, name = '', depth = 0): unknown {
  if (name in KNOWN) return KNOWN[name];
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice) return exampleOf(choice, name, depth + 1);
  switch (schema.type) {
    case 'object':
      return depth > DEEPEST ? {} : objectExample(schema, depth);
    case 'array':
      return schema.items ? [exampleOf(schema.items, '', depth + 1)] : [];
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, (schema.exclusiveMinimum ?? 0) + 1);
    case 'boolean':
      return false;
    case 'string':
      return stringExample(schema, name);
    case undefined:
    default:
      return {};
  }
}

/** The required fields, and those with a known value. */
function objectExample({ properties = {}, required = [] }: Schema, depth: number): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name]) => required.includes(name) || (name in KNOWN && !LEFT_OUT.has(name)),
  );
  return Object.fromEntries(shown.map(([name, schema]) => [name, exampleOf(schema, name, depth + 1)]));
}

function stringExample({ format, contentEncoding }: Schema, name: string): string {
  if (format === 'date-time') return '2026-11-24T12:00:00Z';
  if (contentEncoding === 'base64') return 'aGVsbG8=';
  if (format === 'email') return 'alice@contoso.example';
  if (format === 'uri') return 'https://contoso.example/';
  return name.endsWith('Id') ? `a-${name.slice(0, -2).toLowerCase()}` : `a ${name || 'text'}`;
}

/** Ready to paste, once `TOKEN` is set. */
export function curlOf({ method, path, operation }: Route, document: ApiDocument): string {
  const parameters = operation.parameters ?? [];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    String(KNOWN[name] ?? `$${name.toUpperCase()}`),
  );
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map((parameter) => `${parameter.name}=${encodeURIComponent(String(valueOf(parameter, document)))}`);
  const url = `${document.servers[0]?.url ?? ''}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`;
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const lines = [
    `curl -s ${method === 'GET' ? '' : `-X ${method} `}"${url}"`,
    ...(operation['x-roles'] ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(type ? [`-H 'content-type: ${type}'`] : []),
    ...(content
      ? [
          `-d '${JSON.stringify(exampleOf(expanded(content.schema, document))).replaceAll("'", String.raw`'\''`)}'`,
        ]
      : []),
  ];
  return lines.join(' \\\n  ');
}

function valueOf({ name, schema }: Parameter, document: ApiDocument): unknown {
  return exampleOf(expanded(schema, document), name);
}
