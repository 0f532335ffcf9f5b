/** Looks up boundaries.ts: the room of a file, and the reason why an import is refused. */
import { matchesGlob } from 'node:path';
import { PACKAGE_RULES, type PackageRule, ROOMS, type Room } from '../../boundaries.ts';

/** @param path relative to the repository, with `/` */
export function roomOf(path: string): Room | undefined {
  return ROOMS.find(({ files }) => matchesAny(path, files));
}

/** Undefined when the file `from` may import the file `to`. */
export function refusalOfImport(from: string, to: string, asType: boolean): string | undefined {
  const [source, target] = [roomOf(from), roomOf(to)];
  if (!source || !target) return `${source ? to : from} belongs to no room of boundaries.ts: add it`;
  if (source === target || source.imports.includes(target.name)) return undefined;
  if (!source.types?.includes(target.name))
    return `${source.name} may not import ${target.name} (boundaries.ts)`;
  return asType ? undefined : `${source.name} may import ${target.name} as types only (boundaries.ts)`;
}

/** Undefined when the file may import the package. */
export function refusalOfPackage(from: string, name: string, asType: boolean): string | undefined {
  if (roomOf(from)?.name.endsWith('tests')) return undefined;
  const rule = PACKAGE_RULES.find((one) => forbids(one, from, name) && !(asType && one.typesAllowed));
  return rule && `${name} may not be imported here: ${rule.reason} (boundaries.ts)`;
}

function forbids({ packages, forbiddenIn, except = [] }: PackageRule, from: string, name: string): boolean {
  const named = packages.some((one) => (/[:/]$/.test(one) ? name.startsWith(one) : name === one));
  return named && matchesAny(from, forbiddenIn) && !matchesAny(from, except);
}

function matchesAny(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(path, pattern));
}
