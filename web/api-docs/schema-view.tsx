import { type ApiDocument, expanded, type Schema } from './document.ts';
import { fieldsOf, limitWords, typeWords } from './schema-words.ts';

export interface SchemaViewProps {
  readonly schema: Schema;
  readonly document: ApiDocument;
}

/** Lists fields with their types; a field that has fields itself opens below. */
export function SchemaView({ schema, document }: SchemaViewProps) {
  const whole = expanded(schema, document);
  const fields = fieldsOf(whole);
  return (
    <div class="schema">
      {!fields && <p>{typeWords(whole)}</p>}
      {whole.type === 'array' && fields && <p>array of</p>}
      {fields && <Fields of={fields} />}
    </div>
  );
}

function Fields({ of: { properties = {}, required = [] } }: { of: Schema }) {
  return (
    <ul>
      {Object.entries(properties).map(([name, schema]) => {
        const below = fieldsOf(schema);
        const limits = limitWords(schema);
        return (
          <li key={name}>
            <code>{name}</code>
            {!required.includes(name) && <span class="optional">optional</span>}
            <span class="type">{typeWords(schema)}</span>
            {(schema.description ?? limits) && (
              <small>{[schema.description, limits].filter(Boolean).join('; ')}</small>
            )}
            {below && (
              <details>
                <summary>
                  fields<span class="hidden"> of {name}</span>
                </summary>
                <Fields of={below} />
              </details>
            )}
          </li>
        );
      })}
    </ul>
  );
}
