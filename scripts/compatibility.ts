/** `npm run compatibility`: writes local/COMPATIBILITY.md from the titles of the conformance tests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compatibilityPage, listConformanceTests } from '../tests/harness/compatibility.ts';

const root = join(import.meta.dirname, '..');
const page = compatibilityPage(await listConformanceTests(root));
writeFileSync(join(root, 'local/COMPATIBILITY.md'), page);
process.stdout.write('local/COMPATIBILITY.md is written\n');
