/**
 * Matches routes like the real host: functions are sorted by name (ordinal, case ignored), and the first with a matching
 * template and method is taken; never 405. Templates are ASP.NET's: `{id}`, `{id?}`, `{id:int}`, `{id=x}`, `{*rest}`, `{name}.{ext}`.
 */
import type { FunctionDefinition } from './contract.ts';
import { textOf } from './settings.ts';

export interface HttpRoute {
  readonly definition: FunctionDefinition;
  readonly methods: ReadonlySet<string>;
  readonly match: (path: string) => Record<string, string> | undefined;
  readonly template: string;
  readonly authLevel: string;
}

export interface Router {
  /** `path` is encoded, without the query. */
  find(
    method: string,
    path: string,
  ): { readonly route: HttpRoute; readonly params: Record<string, string> } | undefined;
  /** Functions that were left out, each with its reason. */
  readonly errors: readonly string[];
}

const DEFAULT_METHODS = ['GET', 'POST'];

export function createRouter(definitions: Iterable<FunctionDefinition>, prefix: string): Router {
  const errors: string[] = [];
  const routes: HttpRoute[] = [];
  const http = [...definitions].filter(({ trigger }) => trigger.type.toLowerCase() === 'httptrigger');
  for (const definition of http.toSorted((a, b) => ordinal(a.name, b.name))) {
    const { trigger, name } = definition;
    const own = textOf(trigger['route']) || name;
    if (/^\/?(admin|runtime)(\/|$)/i.test(own) && prefix === '') {
      errors.push(
        `The '${name}' function is in error: The specified route conflicts with one or more built in routes.`,
      );
      continue;
    }
    const template = [prefix, own].filter(Boolean).join('/');
    const methods = new Set(
      ((trigger['methods'] as string[] | undefined) ?? DEFAULT_METHODS).map((method) => method.toUpperCase()),
    );
    const twin = routes.find(
      (each) =>
        each.template.toLowerCase() === template.toLowerCase() &&
        [...methods].some((method) => each.methods.has(method)),
    );
    if (twin) {
      errors.push(
        `The '${name}' function is in error: The route specified conflicts with the route defined by function '${twin.definition.name}'.`,
      );
      continue;
    }
    routes.push({
      definition,
      methods,
      match: compileTemplate(template),
      template,
      authLevel: textOf(trigger['authLevel'], 'anonymous'),
    });
  }
  return {
    errors,
    find: (method, path) => {
      for (const route of routes) {
        if (!route.methods.has(method)) continue;
        const params = route.match(path);
        if (params) return { route, params };
      }
      return undefined;
    },
  };
}

function ordinal(a: string, b: string): number {
  const [x, y] = [a.toUpperCase(), b.toUpperCase()];
  return x < y ? -1 : x > y ? 1 : 0;
}

interface Parameter {
  readonly name: string;
  readonly catchAll: boolean;
  readonly optional: boolean;
  readonly fallback: string | undefined;
  readonly constraints: readonly string[];
}

function parameterOf(text: string): Parameter {
  const catchAll = text.startsWith('*');
  const [head, fallback] = splitOnce(text.replace(/^\*+/, ''), '=');
  const optional = head.endsWith('?');
  const [name = '', ...constraints] = splitConstraints(optional ? head.slice(0, -1) : head);
  return { name, catchAll, optional, fallback, constraints };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const depthFree = text.replace(/\([^)]*\)/g, (inner) => ' '.repeat(inner.length));
  const at = depthFree.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function splitConstraints(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ':' && depth === 0) {
      parts.push(current);
      current = '';
    } else current += character;
  }
  return [...parts, current];
}

/** Splits on slashes outside braces. */
function segmentsOf(template: string): string[] {
  return template.split(/\/(?![^{]*\})/).filter((segment) => segment !== '');
}

/** Within a segment ASP.NET matches from the right: `{name}.{ext}` cuts `a.b.txt` at the last dot, and finds `ext` first. */
function compileTemplate(template: string): HttpRoute['match'] {
  const parameters: { readonly parameter: Parameter; readonly group: number }[] = [];
  let source = '';
  let groups = 0;
  for (const segment of segmentsOf(template)) {
    const only = /^\{((?:[^{}]|\{[^}]*\})*)\}$/.exec(segment)?.[1];
    const parameter = only === undefined ? undefined : parameterOf(only);
    if (parameter?.catchAll) {
      parameters.push({ parameter, group: ++groups });
      // It matches any text, even double slashes, but not one that begins with a slash.
      source += '(?:/(|[^/].*?))?';
    } else if (parameter && (parameter.optional || parameter.fallback !== undefined)) {
      parameters.push({ parameter, group: ++groups });
      source += '(?:/([^/]+))?';
    } else {
      const inside: (typeof parameters)[number][] = [];
      source += `/${segment.replace(
        /\{((?:[^{}]|\{[^}]*\})*)\}|[^{]+/g,
        (part, inner: string | undefined) => {
          if (inner === undefined) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
          inside.unshift({ parameter: parameterOf(inner), group: ++groups });
          return '([^/]+)';
        },
      )}`;
      parameters.push(...inside);
    }
  }
  const regex = new RegExp(`^${source}/?$`, 'i');
  return (path) => {
    const match = regex.exec(path);
    if (!match) return undefined;
    const params: Record<string, string> = {};
    for (const { parameter, group } of parameters) {
      const raw = match[group];
      const value = raw === undefined || raw === '' ? parameter.fallback : decode(raw);
      if (value === undefined) continue;
      if (!parameter.constraints.every((constraint) => satisfies(value, constraint))) return undefined;
      params[parameter.name] = value;
    }
    return params;
  };
}

/** `%2F` stays in a parameter. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%2f/gi, '%252F'));
  } catch {
    return text;
  }
}

const CONSTRAINTS: Readonly<Record<string, (value: string, argument: string) => boolean>> = {
  int: (value) => /^-?\d+$/.test(value) && Math.abs(Number(value)) <= 2_147_483_647,
  long: (value) => /^-?\d+$/.test(value),
  double: (value) => value.trim() !== '' && Number.isFinite(Number(value)),
  decimal: (value) => value.trim() !== '' && Number.isFinite(Number(value)),
  float: (value) => value.trim() !== '' && Number.isFinite(Number(value)),
  bool: (value) => /^(true|false)$/i.test(value),
  guid: (value) => /^[({]?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}[)}]?$/i.test(value),
  datetime: (value) => !Number.isNaN(Date.parse(value)),
  alpha: (value) => /^[a-z]*$/i.test(value),
  minlength: (value, argument) => value.length >= Number(argument),
  maxlength: (value, argument) => value.length <= Number(argument),
  length: (value, argument) => {
    const [low, high = low] = argument.split(',').map(Number);
    return value.length >= Number(low) && value.length <= Number(high);
  },
  min: (value, argument) => Number(value) >= Number(argument),
  max: (value, argument) => Number(value) <= Number(argument),
  range: (value, argument) => {
    const [low, high] = argument.split(',').map(Number);
    return /^-?\d+$/.test(value) && Number(value) >= Number(low) && Number(value) <= Number(high);
  },
  regex: (value, argument) => new RegExp(argument, 'i').test(value),
  required: (value) => value !== '',
};

function satisfies(value: string, constraint: string): boolean {
  const [, name = '', argument = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(constraint) ?? [];
  const check = CONSTRAINTS[name.toLowerCase()];
  return check ? check(value, argument) : true;
}
