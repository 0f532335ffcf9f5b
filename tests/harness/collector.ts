/** A collector of spans: takes OTLP over HTTP, as JSON. https://opentelemetry.io/docs/specs/otlp/#otlphttp */
import { answerJson, startServer } from './http-server.ts';

export interface CollectedSpan {
  readonly name: string;
  /** `service.name` of the process. */
  readonly process: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Collector extends AsyncDisposable {
  readonly origin: string;
  readonly spans: readonly CollectedSpan[];
  /** Every body that came, as it came. */
  readonly bodies: readonly string[];
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
}
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Pick<CollectedSpan, 'name' | 'traceId' | 'spanId'> & {
        readonly parentSpanId?: string;
        readonly links?: CollectedSpan['links'];
        readonly attributes: readonly Attribute[];
      })[];
    }[];
  }[];
}

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const server = await startServer((_, response, body) => {
    bodies.push(body);
    for (const { resource, scopeSpans } of (JSON.parse(body) as Export).resourceSpans) {
      const process = String(plain(resource.attributes)['service.name']);
      for (const { name, traceId, spanId, parentSpanId, links = [], attributes } of scopeSpans.flatMap(
        (scope) => scope.spans,
      )) {
        const facts = { name, process, traceId, spanId, links, attributes: plain(attributes) };
        spans.push({ ...facts, parentSpanId: parentSpanId || undefined });
      }
    }
    answerJson(response, 200, {});
  });
  return { origin: server.origin, spans, bodies, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function plain(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
