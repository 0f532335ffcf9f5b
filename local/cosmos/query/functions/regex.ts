/**
 * Runs the regular expressions of queries.
 *
 * R1 No expression blocks the server's other requests: one that could backtrack excessively is cut off after a while, and refused.
 */
import { createContext, Script } from 'node:vm';
import { badRequest } from '../../errors.ts';

const MAX_MS = 250;
/** Constructs that can take more than linear time: a repeated group, a back reference, or several repetitions. */
const RISKY = /\)\s*[*+{?]|\\[1-9k]|(?:[*+}][\s\S]*){2}/;
const HARMLESS_LENGTH = 50;
const CACHED = 200;

const compiled = new Map<string, RegExp | undefined>();
const room = createContext({ expression: /./, text: '' });
const test = new Script('expression.test(text)');

/** Undefined if the pattern is not valid. @throws CosmosError 400 if it takes too long */
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
