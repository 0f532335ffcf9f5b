/** docs/saga.md, made from the table of the delivery's saga. */
import { deliverySaga } from '../functions/scheduler/delivery-saga.ts';
import {
  compensatedSteps,
  type Saga,
  type StepFacts,
  stepNames,
  timeoutOf,
} from '../shared/saga/define-saga.ts';
import { consequenceOf, SITUATIONS } from '../shared/saga/step-matrix.fixture.ts';

const saga: Saga = deliverySaga;
const names = stepNames(saga);
const entries = names.map((name) => ({ name, facts: saga.steps[name] as StepFacts }));

export function sagaDocument(): string {
  return `# The saga of a delivery

Made by \`node scripts/saga.ts\` from [the table of the steps](../functions/scheduler/delivery-saga.ts); a test keeps it
current. The orchestration is [deliver.ts](../functions/scheduler/deliver.ts), the library [shared/saga](../shared/saga).

## The way of a delivery

A step with a thick border asks whether the request may be carried out. Until the pivot, a terminal error or a cancel
compensates every effect in the reverse order. After it the delivery only goes forward.

\`\`\`mermaid
${diagram()}
\`\`\`

## Steps

${stepsTable()}

*Gate*: a terminal error rejects the request; elsewhere it fails the delivery. *Until done*: retryable errors are repeated
without a limit; else up to \`STEP_ATTEMPTS\`. *Forward only*: repeated after terminal errors, too; an operator is alerted.

## What a call of a step leads to

Engines call an activity at least once, perhaps after the saga has gone on. The journal decides:

${matrix()}
`;
}

function diagram(): string {
  const pivot = entries.findIndex(({ facts }) => facts.pivot);
  const onDemand = (facts: StepFacts) => !facts.once && !facts.gate && !facts.pivot && !facts.forwardOnly;
  const main = entries.map((entry, index) => ({ ...entry, index })).filter(({ facts }) => !onDemand(facts));
  const before = main.filter(({ index }) => index < pivot);
  const after = main.filter(({ index }) => index > pivot);
  const compensations = compensatedSteps(deliverySaga).toReversed();
  const pivotName = names[pivot] ?? '';
  return [
    'flowchart TB',
    '  subgraph until [Until the pivot]',
    ...before.map(({ name, facts }) => `    ${node(name, facts)}`),
    `    ${before.map(({ name }) => name).join(' --> ')}`,
    '  end',
    `  ${pivotName}{{"${pivotName}<br/>${saga.steps[pivotName]?.does}"}}`,
    '  subgraph forward [Only forward]',
    ...after.map(({ name, facts }) => `    ${node(name, facts)}`),
    `    ${after.map(({ name }) => name).join(' --> ')}`,
    '  end',
    '  subgraph compensation [Compensation]',
    `    ${compensations.map((name) => `${name}_c["compensate ${name}"]`).join(' --> ')}`,
    '  end',
    '  subgraph demand [On demand]',
    ...entries.filter(({ facts }) => onDemand(facts)).map(({ name, facts }) => `    ${node(name, facts)}`),
    '  end',
    `  until --> ${pivotName} --> forward`,
    '  until -. "terminal error, cancel, operator" .-> compensation',
    '  classDef gate stroke-width:3px',
  ].join('\n');
}

function node(name: string, { does, gate }: StepFacts): string {
  return `${name}["${name}<br/>${does}"]${gate ? ':::gate' : ''}`;
}

function stepsTable(): string {
  return table(
    ['#', 'Step', 'Does', 'Has an effect', 'Compensated', 'Errors', 'Time-out'],
    entries.map(({ name, facts }, index) => [
      String(index + 1),
      `\`${name}\``,
      facts.does,
      facts.once ? `once in the ${facts.once === 'saga' ? 'saga' : 'generation'}` : 'at every call',
      facts.pivot ? '**pivot**' : facts.compensated ? 'yes' : '',
      [facts.gate && 'gate', facts.untilDone && 'until done', facts.forwardOnly && 'forward only']
        .filter(Boolean)
        .join(', '),
      `${timeoutOf(saga, name)} s`,
    ]),
  );
}

function matrix(): string {
  const rows = entries.map(({ name, facts }) => [
    `\`${name}\``,
    ...SITUATIONS.map((situation) => SIGNS[consequenceOf(facts, situation) ?? 'none']),
  ]);
  return `${table(['A step that …', ...SITUATIONS], rows)}

R: runs. J: is answered from the journal. S: is superseded, nothing changes.`;
}

const SIGNS = { runs: 'R', 'is answered from the journal': 'J', 'is superseded': 'S', none: '' } as const;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
