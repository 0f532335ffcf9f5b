/**
 * The service's errors: status, sub-status, code. Every answer of 400 and more has a JSON body; the SDK fails on an empty one.
 * Codes: https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
 */

const CODE_OF: Readonly<Record<number, string>> = {
  304: 'NotModified',
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'RequestTimeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'PreconditionFailed',
  413: 'RequestEntityTooLarge',
  424: 'FailedDependency',
  429: 'TooManyRequests',
  449: 'RetryWith',
  500: 'InternalServerError',
  501: 'NotImplemented',
  503: 'ServiceUnavailable',
};

export class CosmosError extends Error {
  readonly status: number;
  readonly subStatus: number | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    subStatus?: number,
    extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'CosmosError';
    this.status = status;
    this.subStatus = subStatus;
    this.extra = extra;
  }

  get code(): string {
    return CODE_OF[this.status] ?? 'Error';
  }
}

export const badRequest = (message: string, subStatus?: number) => new CosmosError(400, message, subStatus);
export const notFound = (what: string) =>
  new CosmosError(404, `Entity with the specified id does not exist: ${what}`);
export const conflict = (message = 'Entity with the specified id already exists in the system.') =>
  new CosmosError(409, message);
export const preconditionFailed = () =>
  new CosmosError(412, 'Operation cannot be performed because one of the specified precondition is not met.');
/** The answer to everything that this server does not support; it never gives a wrong result silently. */
export const notSupported = (what: string) =>
  new CosmosError(400, `${what} is not supported by this local server`);
