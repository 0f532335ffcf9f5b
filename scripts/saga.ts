/** `node scripts/saga.ts`: writes docs/saga.md. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sagaDocument } from './saga-document.ts';

writeFileSync(join(import.meta.dirname, '../docs/saga.md'), sagaDocument());
process.stdout.write('docs/saga.md is written\n');
