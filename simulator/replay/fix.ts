import type { Position } from '../../shared/contracts/common.ts';

/** A position of a recording, at so many seconds. */
export interface Fix {
  readonly at: number;
  readonly position: Position;
}
