/** `npm run routes`: writes shared/contracts/routes.gen.ts from the contracts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routesModule } from './routes-module.ts';

const root = join(import.meta.dirname, '..');
writeFileSync(join(root, 'shared/contracts/routes.gen.ts'), await routesModule(root));
process.stdout.write('shared/contracts/routes.gen.ts is written\n');
