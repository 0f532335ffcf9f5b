/** Draws the graphs of docs/architecture.md again: `node scripts/architecture.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawn } from './lint/document.ts';

const file = join(import.meta.dirname, '../docs/architecture.md');
writeFileSync(file, drawn(readFileSync(file, 'utf8')));
