import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { routesModule } from './routes-module.ts';

const root = join(import.meta.dirname, '..');

test('routes.gen.ts is what the contracts say: otherwise npm run routes', async () => {
  expect(readFileSync(join(root, 'shared/contracts/routes.gen.ts'), 'utf8')).toBe(await routesModule(root));
});

test('no contract is loaded at run time by a caller of the API', () => {
  const loaded = ['shared/contracts/routes.gen.ts', 'shared/http/api-client.ts'].map((file) =>
    readFileSync(join(root, file), 'utf8'),
  );
  for (const text of loaded) expect(text).not.toMatch(/^import (?!type\b)/m);
});
