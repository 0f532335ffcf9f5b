/** The signature of a system function: its number of arguments and its implementation. */
import { typeOf } from '../values.ts';

export type Fn = (...args: readonly unknown[]) => unknown;

export interface SystemFunction {
  readonly least: number;
  readonly most: number;
  readonly call: Fn;
}

/** @param most default: `least` */
export const takes = (least: number, call: Fn, most = least): SystemFunction => ({ least, most, call });
export const ANY_NUMBER = Number.POSITIVE_INFINITY;

export const isNumber = (value: unknown): value is number => typeof value === 'number';
export const isString = (value: unknown): value is string => typeof value === 'string';
export const isObject = (value: unknown): value is Record<string, unknown> => typeOf(value) === 'object';
/** Whole, and exact as a number of 64-bit floating point. */
export const isWhole = (value: unknown): value is number => Number.isInteger(value);
/** JSON can represent no other numbers. */
export const finite = (value: number) => (Number.isFinite(value) ? value : undefined);
