import { createRequire } from 'node:module';
import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';
import { isLibrarys } from './app-loader.ts';

const require = createRequire(import.meta.url);
const { createOrchestrator } = require('durable-functions/lib/src/util/testingUtils.js') as {
  createOrchestrator: (orchestrator: () => Generator) => () => unknown;
};
const text = String(createOrchestrator(function* () {}));
/** Only its text counts. */
// oxlint-disable-next-line typescript/no-implied-eval
const functionOf = (source: string) => new Function('__awaiter', 'listener', source) as () => () => unknown;

test.each([
  ['as it is installed', {}],
  ['in a bundle', { minifyWhitespace: true, minifySyntax: true, lineLimit: 60 }],
])('an orchestrator of durable-functions is known, %s', (_, options) => {
  const { code } = transformSync(`function make() { return ${text}; } make`, options);
  expect(isLibrarys(functionOf(`${code.trim().replace(/;?\s*make;?$/, '')}; return make();`)())).toBe(true);
});

test.each([
  '(trigger, context) => __awaiter(this, void 0, void 0, function* () { return yield listener({ ...trigger }, context); })',
  '(trigger, context) => __awaiter(this, void 0, void 0, function* () { console.log(trigger); return yield listener(trigger, context); })',
  'async (trigger, context) => listener(trigger, context)',
])('another that looks at the trigger is not: %s', (source) => {
  expect(isLibrarys(functionOf(`return ${source};`)())).toBe(false);
});
