/** Writes the module of route references from the contracts: method, path and type of each operation. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Route } from '../shared/http/define-route.ts';

/** Text of `shared/contracts/routes.gen.ts`. @throws Error when two contracts export a route of the same name */
export async function routesModule(root: string): Promise<string> {
  const files = globSync('shared/contracts/*.ts', { cwd: root })
    .filter((file) => !/\.(gen|test)\.ts$/.test(file))
    .toSorted();
  const imports: string[] = [];
  const references = new Map<string, string>();
  for (const file of files) {
    const routes = Object.entries((await import(join(root, file))) as Record<string, unknown>)
      .filter((entry): entry is [string, Route] => isRoute(entry[1]))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (routes.length === 0) continue;
    const module = basename(file, '.ts').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    imports.push(`import type * as ${module} from './${basename(file)}';`);
    for (const [name, route] of routes) {
      if (references.has(name)) throw new Error(`${name} names two routes: rename one`);
      references.set(name, reference(`${module}.${name}`, name, route));
    }
  }
  return [
    '/** Made by `npm run routes` from the contracts in this folder: change those, then run it again. */',
    "import type { RouteRef } from '../http/api-client.ts';",
    ...imports,
    '',
    [...references.values()].join('\n'),
  ].join('\n');
}

function reference(type: string, name: string, { method, path, contentType }: Route): string {
  return `export const ${name}: RouteRef<typeof ${type}> = {
  method: '${method}',
  path: '${path}',
${contentType === 'application/json' ? '' : `  contentType: '${contentType}',\n`}};
`;
}

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'functionName' in value && 'responses' in value;
}
