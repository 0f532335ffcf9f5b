/** `node scripts/openapi.ts`: writes docs/openapi.json. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiDocument } from './openapi-document.ts';

writeFileSync(join(import.meta.dirname, '../docs/openapi.json'), openApiDocument());
process.stdout.write('docs/openapi.json is written\n');
