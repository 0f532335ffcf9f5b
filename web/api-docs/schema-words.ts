/** Describes a schema in a few words: `string, 1 to 100 characters`. Pure. */
import type { Schema } from './document.ts';

export function typeWords(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeWords))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return `array of ${schema.items ? typeWords(schema.items) : 'anything'}`;
  if (schema.format) return schema.format === 'date-time' ? 'time, ISO 8601' : schema.format;
  if (schema.contentEncoding) return schema.contentEncoding;
  return typeof schema.type === 'object' ? schema.type.join(' or ') : (schema.type ?? 'anything');
}

export function limitWords(schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, default: preset } = schema;
  const least = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  const words = [
    least !== undefined && Math.abs(least) < Number.MAX_SAFE_INTEGER
      ? `${exclusiveMinimum === undefined ? 'at least' : 'more than'} ${least}`
      : '',
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? `at most ${maximum}` : '',
    maxLength === undefined ? '' : `${minLength ? `${minLength} to` : 'up to'} ${maxLength} characters`,
    preset === undefined ? '' : `default ${JSON.stringify(preset)}`,
  ];
  return words.filter(Boolean).join(', ');
}

/** The fields below a schema, through arrays and choices; undefined if there are none. */
export function fieldsOf(schema: Schema): Schema | undefined {
  if (schema.properties) return schema;
  if (schema.items) return fieldsOf(schema.items);
  return (schema.anyOf ?? schema.oneOf)?.map(fieldsOf).find((each) => each !== undefined);
}
