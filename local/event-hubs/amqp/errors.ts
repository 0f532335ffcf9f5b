/** A protocol violation by the other side: its connection ends with this error. */
export class ProtocolError extends Error {
  /** `amqp:…`, a condition that AMQP defines. */
  readonly condition: string;

  constructor(condition: string, description: string) {
    super(description);
    this.name = 'ProtocolError';
    this.condition = condition;
  }
}
