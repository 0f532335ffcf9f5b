/**
 * Sends every request that leaves the system: webhooks, the relay's, the carriers'.
 *
 * O1 A request goes to a public address over TLS. The address is checked when it is named and again when the connection is
 *    made, so neither another spelling nor a name that resolves differently later leads elsewhere.
 * O2 An operator's setting may name an inner address as a literal (`trusted`); a customer's webhook may not.
 * O3 Redirects are refused; the answer is bounded in time and size.
 * O4 With `allowLoopback`, for one machine and tests only, loopback addresses are allowed, over plain HTTP too.
 */
import { lookup as systemLookup } from 'node:dns';
import {
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { inSpan } from '../telemetry/trace.ts';
import { DENIED_ADDRESSES, LOOPBACK_ADDRESSES } from './addresses.ts';
import { faultOf, guardedLookup, hostOf, isAllowed, OutboundError, parseUrl, resolveName } from './guard.ts';

export interface OutboundRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** The address comes from a setting, not from a customer: as a literal, it may be inner. */
  readonly trusted?: boolean;
  /** Only the status matters: an answer that is too large is not an error, and its text is empty. */
  readonly statusOnly?: boolean;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly text: string;
}

export interface Sender {
  /** @throws OutboundError when the address is refused, or no complete answer came in time */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** Why a customer may not name this URL, or undefined. A name that does not resolve now is allowed: O1 checks it again. */
  reasonAgainst(url: string): Promise<string | undefined>;
}

export interface SenderOptions {
  readonly allowLoopback: boolean;
  /** Resolves names; default: the system's resolver. */
  readonly lookup?: LookupFunction;
  /** Further certificate authorities, as PEM. */
  readonly ca?: string;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_SOCKETS_PER_HOST = 16;

export function createSender(options: SenderOptions): Sender {
  const { allowLoopback } = options;
  const lookup = options.lookup ?? systemLookup;
  const agents = createAgents(options, lookup);

  return {
    send: (request) =>
      inSpan('outbound request', spanOf(request), async (add) => {
        const url = parseUrl(request.url);
        const trusted = request.trusted === true && isIP(hostOf(url)) !== 0;
        const reason = faultOf(url, request.url, { allowLoopback, trusted });
        if (reason) throw new OutboundError(`the address ${reason}`);
        const answer = await exchange(url, request, trusted ? agents.trusted : agents.guarded);
        add({ 'http.response.status_code': answer.status });
        return answer;
      }),

    reasonAgainst: async (text) => {
      const url = parseUrl(text);
      const reason = faultOf(url, text, { allowLoopback, trusted: false });
      if (reason || isIP(hostOf(url)) !== 0) return reason;
      const addresses = await resolveName(lookup, hostOf(url));
      return addresses.every((address) => isAllowed(address, allowLoopback))
        ? undefined
        : 'must be a public address';
    },
  };
}

/** Names the host where it is from a setting; one that a customer named may identify a person. */
function spanOf({ method, url, trusted }: OutboundRequest) {
  const server = trusted ? parseUrl(url)?.hostname : undefined;
  const attributes = {
    'http.request.method': method,
    ...(server ? { 'server.address': server } : {}),
  };
  return { kind: 'client', attributes } as const;
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

function createAgents(
  { allowLoopback, ca }: SenderOptions,
  lookup: LookupFunction,
): { readonly guarded: Agents; readonly trusted: Agents } {
  const base = { keepAlive: true, maxSockets: MAX_SOCKETS_PER_HOST, ...(ca ? { ca } : {}) };
  const filter = {
    ...base,
    lookup: guardedLookup(lookup, allowLoopback),
    denyIPAddressList: [...DENIED_ADDRESSES],
    allowIPAddressList: allowLoopback ? [...LOOPBACK_ADDRESSES] : [],
  };
  return {
    guarded: { http: new RequestFilteringHttpAgent(filter), https: new RequestFilteringHttpsAgent(filter) },
    trusted: { http: new HttpAgent(base), https: new HttpsAgent(base) },
  };
}

function exchange(
  url: URL | undefined,
  { method, headers, body, timeoutMs, statusOnly = false }: OutboundRequest,
  agents: Agents,
): Promise<OutboundAnswer> {
  if (!url) return Promise.reject(new OutboundError('the address must be a URL'));
  const secure = url.protocol === 'https:';
  const options: RequestOptions = {
    method,
    agent: secure ? agents.https : agents.http,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      'user-agent': 'fabrikam-drone-delivery',
      ...headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
  };
  return new Promise((resolveAnswer, reject) => {
    const request = (secure ? requestHttps : requestHttp)(url, options, (response) => {
      answerOf(response, statusOnly).then(resolveAnswer, (error: unknown) => {
        request.destroy();
        reject(failure(error));
      });
    });
    request.once('error', (error) => reject(failure(error)));
    request.end(body);
  });
}

async function answerOf(response: IncomingMessage, statusOnly: boolean): Promise<OutboundAnswer> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400) throw new OutboundError(`the receiver redirects (${status})`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES && statusOnly) return { status, text: '' };
    if (size > MAX_ANSWER_BYTES)
      throw new OutboundError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status, text: Buffer.concat(chunks).toString() };
}

function failure(error: unknown): OutboundError {
  return error instanceof OutboundError ? error : new OutboundError('no answer', { cause: error });
}
