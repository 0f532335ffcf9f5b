/** How a delivery ends other than well. Thrown by an orchestration, caught where it is begun. */

export class Cancelled extends Error {
  constructor() {
    super('cancelled by the customer');
    this.name = 'Cancelled';
  }
}

/** No drone and no carrier can, or may, carry the package. */
export class Rejected extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join('; '));
    this.name = 'Rejected';
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
