/** Mathematical functions. https://learn.microsoft.com/cosmos-db/query/functions */
import { type Fn, finite, isNumber, isWhole, type SystemFunction, takes } from './signature.ts';

const math = (f: (x: number) => number): SystemFunction =>
  takes(1, (x) => (isNumber(x) ? finite(f(x)) : undefined));

const LARGEST_64_BITS = 2 ** 63;

/** Whole numbers of 64 bits; other arguments give undefined. */
const integers = (f: (a: bigint, b: bigint) => bigint | undefined): SystemFunction =>
  takes(2, (a, b) => {
    if (!isWhole(a) || !isWhole(b)) return undefined;
    const result = f(BigInt(a), BigInt(b));
    return result === undefined ? undefined : Number(BigInt.asIntN(64, result));
  });

const round: Fn = (x, digits) => {
  if (!isNumber(x) || (digits !== undefined && !isWhole(digits))) return undefined;
  const factor = 10 ** Number(digits ?? 0);
  const scaled = x * factor;
  return finite((Math.sign(scaled) * Math.round(Math.abs(scaled))) / factor);
};

function logarithm(x: number, base: number | undefined): number {
  if (base === undefined) return Math.log(x);
  if (base === 10) return Math.log10(x);
  return base === 2 ? Math.log2(x) : Math.log(x) / Math.log(base);
}

const shift = (amount: bigint) => BigInt.asUintN(6, amount);

export const MATH: Readonly<Record<string, SystemFunction>> = {
  ABS: math(Math.abs),
  ACOS: math(Math.acos),
  ASIN: math(Math.asin),
  ATAN: math(Math.atan),
  CEILING: math(Math.ceil),
  COS: math(Math.cos),
  COT: math((x) => 1 / Math.tan(x)),
  DEGREES: math((x) => (x * 180) / Math.PI),
  EXP: math(Math.exp),
  FLOOR: math(Math.floor),
  LOG10: math(Math.log10),
  RADIANS: math((x) => (x * Math.PI) / 180),
  SIGN: math(Math.sign),
  SIN: math(Math.sin),
  SQRT: math(Math.sqrt),
  SQUARE: math((x) => x * x),
  TAN: math(Math.tan),
  TRUNC: math(Math.trunc),
  LOG: takes(
    1,
    (x, base) => {
      if (!isNumber(x) || (base !== undefined && !isNumber(base))) return undefined;
      return finite(logarithm(x, base));
    },
    2,
  ),
  POWER: takes(2, (x, y) => (isNumber(x) && isNumber(y) ? finite(x ** y) : undefined)),
  ATN2: takes(2, (y, x) => (isNumber(x) && isNumber(y) ? Math.atan2(y, x) : undefined)),
  ROUND: takes(1, round, 2),
  PI: takes(0, () => Math.PI),
  RAND: takes(0, () => Math.random()),
  NUMBERBIN: takes(
    1,
    (x, bin = 1) => (isNumber(x) && isNumber(bin) ? finite(Math.floor(x / bin) * bin) : undefined),
    2,
  ),
  INTADD: integers((a, b) => a + b),
  INTSUB: integers((a, b) => a - b),
  INTMUL: integers((a, b) => a * b),
  INTDIV: integers((a, b) => (b === 0n ? undefined : a / b)),
  INTMOD: integers((a, b) => (b === 0n ? undefined : a % b)),
  INTBITAND: integers((a, b) => a & b),
  INTBITOR: integers((a, b) => a | b),
  INTBITXOR: integers((a, b) => a ^ b),
  INTBITLEFTSHIFT: integers((a, b) => a << shift(b)),
  INTBITRIGHTSHIFT: integers((a, b) => BigInt.asIntN(64, a) >> shift(b)),
  INTBITNOT: takes(1, (a) => (isWhole(a) ? Number(BigInt.asIntN(64, ~BigInt(a))) : undefined)),
  IS_FINITE_NUMBER: takes(1, (value) => Number.isFinite(value)),
  IS_INTEGER: takes(1, (value) => isWhole(value) && value >= -LARGEST_64_BITS && value <= LARGEST_64_BITS),
};
