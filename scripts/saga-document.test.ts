import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deliverySaga } from '../functions/scheduler/delivery-saga.ts';
import { stepNames } from '../shared/saga/define-saga.ts';
import { sagaDocument } from './saga-document.ts';

test('docs/saga.md is current; `node scripts/saga.ts` writes it', () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/saga.md'), 'utf8')).toBe(sagaDocument());
});

test('every step is in the table, the diagram and the matrix', () => {
  const [, diagram = '', steps = '', matrix = ''] = sagaDocument().split(/^## /m);
  for (const name of stepNames(deliverySaga)) {
    expect(diagram).toContain(name);
    expect(steps).toContain(`\`${name}\``);
    expect(matrix).toContain(`\`${name}\``);
  }
});
