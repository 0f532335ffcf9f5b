import type { Position } from '../../shared/contracts/common.ts';

/** A position of a recording, at its time in seconds. */
export interface Fix {
  readonly at: number;
  readonly position: Position;
}
