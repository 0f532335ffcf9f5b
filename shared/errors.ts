/**
 * Errors of the application: one class, a closed set of codes, one mapper to problem+json (RFC 9457).
 *
 * A code determines its status and its family. `terminal`: the caller is at fault, and a repetition would fail, too.
 * `retryable`: the same call may succeed later. The saga reads the family, a client reads the code.
 */

/** Every code that an answer can carry, with its status. */
export const CODES = {
  /** The body is not JSON. */
  malformed_json: 400,
  /** A field is missing, unknown, of the wrong type or out of range; `errors` has its path. */
  invalid_request: 400,
  token_missing: 401,
  token_invalid: 401,
  token_expired: 401,
  issuer_unknown: 401,
  /** The caller's roles do not allow this, or the body names another's account. */
  forbidden: 403,
  account_unknown: 403,
  account_suspended: 403,
  over_quota: 403,
  not_found: 404,
  method_not_allowed: 405,
  /** The resource's state does not allow this. */
  conflict: 409,
  /** The drone has the package: the workflow can only go forward. */
  package_on_board: 409,
  /** A command or write of an older generation or fence. */
  stale: 409,
  /** The first request with this `Idempotency-Key` still runs. */
  request_in_progress: 409,
  /** Another run of the same workflow has taken over. */
  superseded: 409,
  no_feasible_drone: 409,
  no_carrier: 409,
  /** The resource has reached its limit of these: remove one first. */
  limit_reached: 409,
  etag_mismatch: 412,
  body_too_large: 413,
  unsupported_media_type: 415,
  /** An `Idempotency-Key` was used before with another body. */
  idempotency_key_reused: 422,
  /** Understood, but beyond what the service can do: outside the service area, too large. */
  not_serviceable: 422,
  too_many_requests: 429,
  internal: 500,
  dependency_failed: 502,
  dependency_unavailable: 503,
  deadline_exceeded: 504,
} as const satisfies Record<string, number>;
export type ErrorCode = keyof typeof CODES;

export interface FieldError {
  /** JSON pointer-like: `body.packageInfo.weight`. */
  readonly path: string;
  readonly message: string;
}

export interface AppErrorOptions {
  readonly errors?: readonly FieldError[];
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Facts for the caller, beside the code; never a secret. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly options: AppErrorOptions;

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return CODES[this.code];
  }

  get retryable(): boolean {
    return this.status >= 500 || this.status === 429;
  }
}

/** Converts anything thrown to an AppError. An unforeseen error is `internal`; its text stays in the log. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('internal', 'something went wrong on our side', { cause: thrown });
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly [fact: string]: unknown;
}

/** The answer's body; no stack, no cause. */
export function toProblem(error: AppError): Problem {
  return {
    type: `urn:fabrikam:problem:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.options.errors ? { errors: error.options.errors } : {}),
    ...error.options.facts,
  };
}
