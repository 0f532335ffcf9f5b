/** Refusals of the API, RFC 9457, and which field of a form each belongs to. */

export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  /** 0: there was no answer at all. */
  readonly status: number;
  readonly code: string;
  readonly errors: readonly FieldError[];

  constructor(status: number, code: string, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }

  get mayPass(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const body = (await response.json().catch(() => ({}))) as {
    code?: unknown;
    detail?: unknown;
    errors?: unknown;
  };
  return new ApiProblem(
    response.status,
    typeof body.code === 'string' ? body.code : 'unknown',
    typeof body.detail === 'string' ? body.detail : `The service answered ${response.status}.`,
    Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
  );
}

export function asProblem(thrown: unknown): ApiProblem {
  if (thrown instanceof ApiProblem) return thrown;
  return new ApiProblem(
    0,
    'unreachable',
    'The service cannot be reached. Check the connection and try again.',
  );
}
