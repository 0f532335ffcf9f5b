/** Tokens of the query language. https://learn.microsoft.com/cosmos-db/query/ */
import { badRequest } from '../errors.ts';

export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'parameter' | 'symbol' | 'end';
  readonly text: string;
  readonly value?: string | number;
  readonly at: number;
}

const PATTERN =
  /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?\*\/)|(?<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<parameter>@\w+)|(?<name>[A-Za-z_$][\w$]*)|(?<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<symbol>\?\?|<=|>=|<>|!=|\|\||>>>|<<|>>|[-+*/%=<>()[\]{},.:?!&|^~])/gy;

/** As in the service. */
const MAX_CHARACTERS = 262_144;

export function lex(text: string): Token[] {
  if (text.length > MAX_CHARACTERS)
    throw badRequest(`The query text is longer than ${MAX_CHARACTERS} characters.`);
  const tokens: Token[] = [];
  let at = 0;
  PATTERN.lastIndex = 0;
  while (at < text.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(text);
    const groups = match?.groups;
    if (!match || !groups) throw syntaxError(text, at);
    const raw = match[0];
    if (groups['number'] !== undefined) {
      // JSON has no infinite numbers.
      if (!Number.isFinite(Number(raw))) throw syntaxError(text, at);
      tokens.push({ kind: 'number', text: raw, value: Number(raw), at });
    } else if (groups['parameter'] !== undefined) tokens.push({ kind: 'parameter', text: raw, at });
    else if (groups['name'] !== undefined) tokens.push({ kind: 'name', text: raw, at });
    else if (groups['string'] !== undefined)
      tokens.push({ kind: 'string', text: raw, value: unquote(raw, text, at), at });
    else if (groups['symbol'] !== undefined) tokens.push({ kind: 'symbol', text: raw, at });
    at += raw.length;
  }
  tokens.push({ kind: 'end', text: 'end of query', at });
  return tokens;
}

export function syntaxError(text: string, at: number) {
  const near = text.slice(at, at + 20) || 'the end';
  return badRequest(
    `Message: {"errors":[{"severity":"Error","code":"SC1001","message":"Syntax error, incorrect syntax near '${near}'."}]}`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function unquote(raw: string, text: string, at: number): string {
  return raw.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|.)/g, (_, escape: string) => {
    if (escape.length === 5) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    if (escape === 'u') throw syntaxError(text, at);
    return ESCAPES[escape] ?? escape;
  });
}
