/** The ways in which a delivery ends before it is completed, thrown within an orchestration and caught at its top. */
import type { OutcomeCode } from '../../shared/outcome.ts';

export class Cancelled extends Error {
  constructor() {
    super('cancelled by the customer');
    this.name = 'Cancelled';
  }
}

/** Neither a drone nor a carrier can, or may, carry the package. */
export class Rejected extends Error {
  readonly code: OutcomeCode;
  readonly reasons: readonly string[];

  constructor(code: OutcomeCode, reasons: readonly string[]) {
    super(reasons.join('; '));
    this.name = 'Rejected';
    this.code = code;
    this.reasons = reasons;
  }
}

export class GivenUp extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'GivenUp';
  }
}

/** The drone had the package and brought it back. */
export class Returned extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Returned';
  }
}
