/** Cases of a query and its rows, each a test of its own with a title that says what holds. */
import type { Container, JSONValue } from '@azure/cosmos';
import { expect, test } from 'vitest';
import { failureOf, rowsOf } from '../support/cosmos.ts';

export interface Case {
  readonly title: string;
  readonly query: string;
  readonly rows: readonly unknown[];
  readonly parameters?: Readonly<Record<string, JSONValue>>;
}

export const rows = (
  title: string,
  query: string,
  found: readonly unknown[],
  parameters?: Case['parameters'],
): Case => ({ title, query, rows: found, ...(parameters ? { parameters } : {}) });

/** One row with the value of an expression; none where it is undefined. */
export const is = (expression: string, value: unknown): Case =>
  rows(
    `${expression} is ${value === undefined ? 'undefined' : JSON.stringify(value)}`,
    `SELECT VALUE ${expression}`,
    value === undefined ? [] : [value],
  );

/** The ids for which a condition holds. */
export const ids = (
  title: string,
  where: string,
  found: readonly string[],
  parameters?: Case['parameters'],
): Case => rows(title, `SELECT VALUE c.id FROM c WHERE ${where}`, found, parameters);

/** Each case within the partition `q` of a container, through the SDK. */
export function table(container: () => Container, cases: readonly Case[]): void {
  for (const { title, query, rows: wanted, parameters } of cases) {
    test(title, async () => {
      expect(await rowsOf(container(), query, parameters, 'q')).toEqual(wanted);
    });
  }
}

/** Each query is refused with 400 and a message. */
export function refused(
  container: () => Container,
  message: RegExp,
  cases: readonly (readonly [title: string, query: string])[],
): void {
  for (const [title, query] of cases) {
    test(title, async () => {
      const failure = await failureOf(rowsOf(container(), query, {}, 'q'));
      expect(failure.code).toBe(400);
      expect(failure.message).toMatch(message);
    });
  }
}
