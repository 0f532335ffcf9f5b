import { useState } from 'preact/hooks';
import { type ApiDocument, expanded, type Parameter, type Route } from './document.ts';
import { curlOf, exampleOf } from './example.ts';
import { SchemaView } from './schema-view.tsx';
import { limitWords, typeWords } from './schema-words.ts';

export interface RouteViewProps {
  readonly route: Route;
  readonly document: ApiDocument;
}

/** One route: a line, with details that are rendered when it is opened. */
export function RouteView({ route, document }: RouteViewProps) {
  const { method, path, operation } = route;
  const [isOpen, setOpen] = useState(() => location.hash === `#${operation.operationId}`);
  return (
    <details
      class="route"
      id={operation.operationId}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <b class={`method method-${method.toLowerCase()}`}>{method}</b>
        <code>{path}</code>
        <span>{operation.summary}</span>
      </summary>
      {isOpen && <RouteDetails route={route} document={document} />}
    </details>
  );
}

function RouteDetails({ route, document }: RouteViewProps) {
  const { operation } = route;
  const roles = operation['x-roles'];
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  return (
    <div class="details">
      <p class="roles">
        <b>Who may call it</b>
        {roles ? roles.map((role) => <span key={role}>{role}</span>) : <span>everyone</span>}
      </p>
      <Parameters list={operation.parameters ?? []} document={document} />
      {content && (
        <>
          <h3>
            Body <small>{type}</small>
          </h3>
          <SchemaView schema={content.schema} document={document} />
        </>
      )}
      <h3>Example</h3>
      <Copyable text={curlOf(route, document)} />
      <h3>Answers</h3>
      {Object.entries(operation.responses).map(([status, { description, content }]) => {
        const [type, body] = Object.entries(content ?? {})[0] ?? [];
        const schema = body?.schema;
        const hasExample = type !== 'application/problem+json';
        return (
          <details key={status} class="answer">
            <summary>
              <b>{status === 'default' ? '5xx' : status}</b> {description}
            </summary>
            {schema && <SchemaView schema={schema} document={document} />}
            {schema && hasExample && (
              <pre tabIndex={0}>{JSON.stringify(exampleOf(expanded(schema, document)), null, 2)}</pre>
            )}
          </details>
        );
      })}
    </div>
  );
}

interface ParametersProps {
  readonly list: readonly Parameter[];
  readonly document: ApiDocument;
}

function Parameters({ list, document }: ParametersProps) {
  if (list.length === 0) return null;
  return (
    <>
      <h3>Parameters</h3>
      <div class="schema">
        <ul>
          {list.map(({ name, in: where, required, description, schema: named }) => {
            const schema = expanded(named, document);
            return (
              <li key={name}>
                <code>{name}</code>
                <span class="where">{where}</span>
                {!required && <span class="optional">optional</span>}
                <span class="type">{typeWords(schema)}</span>
                <small>
                  {[description ?? schema.description, limitWords(schema)].filter(Boolean).join('; ')}
                </small>
              </li>
            );
          })}
        </ul>
      </div>
    </>
  );
}

function Copyable({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <div class="copyable">
      <pre tabIndex={0}>{text}</pre>
      <button type="button" onClick={copy} aria-live="polite">
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
