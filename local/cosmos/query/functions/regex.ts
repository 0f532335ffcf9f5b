/**
 * Regular expressions of queries.
 *
 * R1 None keeps the server from its other requests: one that could try very many ways is cut off after a while, and refused.
 */
import { createContext, Script } from 'node:vm';
import { badRequest } from '../../errors.ts';

const MAX_MS = 250;
/** A repeated group, a reference back, or several repetitions: what can take more than linear time. */
const RISKY = /\)\s*[*+{?]|\\[1-9k]|(?:[*+}][\s\S]*){2}/;
const HARMLESS_LENGTH = 50;
const CACHED = 200;

const compiled = new Map<string, RegExp | undefined>();
const room = createContext({ expression: /./, text: '' });
const test = new Script('expression.test(text)');

/** Undefined where the pattern is none. @throws CosmosError 400 where it takes too long */
export function matches(text: string, pattern: string, flags: string): boolean | undefined {
  const expression = compile(pattern, flags);
  if (!expression) return undefined;
  if (!RISKY.test(pattern) || (text.length <= HARMLESS_LENGTH && !/\)\s*[*+{]/.test(pattern)))
    return expression.test(text);
  Object.assign(room, { expression, text });
  try {
    return test.runInContext(room, { timeout: MAX_MS }) as boolean;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw badRequest('The regular expression of the query takes too long.');
    throw error;
  }
}

function compile(pattern: string, flags: string): RegExp | undefined {
  const key = `${flags}/${pattern}`;
  if (!compiled.has(key)) {
    if (compiled.size >= CACHED) compiled.clear();
    compiled.set(key, read(pattern, flags));
  }
  return compiled.get(key);
}

function read(pattern: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(pattern, flags);
  } catch {
    return undefined;
  }
}
