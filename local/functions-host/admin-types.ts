/** A request below `/admin/`, and its answer. */

export interface AdminRequest {
  readonly method: string;
  /** Below `/admin/`. */
  readonly path: string;
  readonly key: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body?: unknown;
}
