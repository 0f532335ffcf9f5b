import { expect, test } from 'vitest';
import { changedLines, messageProblems } from './commit-message.ts';

test.each([
  ['fix(drone): free a drone that was lost', 10],
  ['feat: add quotes\n\nCustomers compare prices before they ask.', 400],
  ["Merge branch 'main' into topic", 5_000],
])('%s: is fine', (message, lines) => {
  expect(messageProblems(message, lines)).toEqual([]);
});

test('M1 a subject of 73 characters is too long, one of 72 is not', () => {
  const subject = `fix: ${'x'.repeat(67)}`;
  expect(messageProblems(subject, 1)).toEqual([]);
  expect(messageProblems(`${subject}x`, 1)).toEqual([
    'The subject has 73 characters; at most 72 are allowed.',
  ]);
});

test.each(['frees a drone', 'Fix: drone', 'fix:drone', 'wip(drone): x'])('M1 %s has no type', (subject) => {
  expect(messageProblems(subject, 1)).toEqual([
    'The subject does not begin with a type, such as "fix(drone): ".',
  ]);
});

test('M2 the second line stays empty', () => {
  expect(messageProblems('fix: a\nb', 1)).toEqual(['The second line is not empty.']);
});

test('M3 over 50 lines a body is needed; comments of git are none', () => {
  expect(messageProblems('fix: a', 50)).toEqual([]);
  const problem = 'The change has 51 lines; say in the body why it is made.';
  expect(messageProblems('fix: a', 51)).toEqual([problem]);
  expect(messageProblems('fix: a\n\n# Please enter the commit message', 51)).toEqual([problem]);
});

test('lines of generated files and of binary ones do not count', () => {
  const numstat = '10\t5\tfunctions/main.ts\n900\t0\tpackage-lock.json\n-\t-\tdocs/live-page.png\n';
  expect(changedLines(numstat)).toBe(15);
});
