/** What the other side did against the protocol: its connection ends with this. */
export class ProtocolError extends Error {
  /** `amqp:…`, one of AMQP's own. */
  readonly condition: string;

  constructor(condition: string, description: string) {
    super(description);
    this.name = 'ProtocolError';
    this.condition = condition;
  }
}
