/** How a delivery's story can end other than well. Thrown by the story, caught where it is told. */

export class Cancelled extends Error {
  constructor() {
    super('cancelled by the customer');
    this.name = 'Cancelled';
  }
}

/** Nobody can, or may, carry it. */
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
