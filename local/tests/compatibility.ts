/** `npm run compatibility`: writes COMPATIBILITY.md from the titles of the conformance tests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compatibilityPage, listConformanceTests } from './compatibility-page.ts';

writeFileSync(
  join(import.meta.dirname, '../COMPATIBILITY.md'),
  compatibilityPage(await listConformanceTests()),
);
process.stdout.write('COMPATIBILITY.md is written\n');
