/** A request below `/admin/`, and its answer. */

export interface AdminRequest {
  readonly method: string;
  /** Below `/admin/`. */
  readonly path: string;
  readonly key: string | undefined;
  readonly contentType: string | undefined;
  /** From the request's header: the host checks bearer tokens itself. */
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
