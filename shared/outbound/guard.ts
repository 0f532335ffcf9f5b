/** Checks where a request may go: the URL as it is written, and every address that its name resolves to. */
import { isIP, type LookupFunction } from 'node:net';
import { addressKind } from './addresses.ts';

export class OutboundError extends Error {
  override readonly name = 'OutboundError';
}

const MAX_URL_LENGTH = 2_048;
const LOOKUP_TIMEOUT_MS = 2_000;

/** Refuses a name if any of its addresses is not allowed: the socket chooses among them by itself. */
export function guardedLookup(lookup: LookupFunction, allowLoopback: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family);
      const addresses = Array.isArray(address) ? address.map((each) => each.address) : [address];
      if (addresses.every((each) => isAllowed(each, allowLoopback))) return callback(null, address, family);
      callback(new OutboundError('the name resolves to an address that is not public'), address, family);
    });
  };
}

export function isAllowed(address: string, allowLoopback: boolean): boolean {
  const kind = addressKind(address);
  return kind === 'public' || (kind === 'loopback' && allowLoopback);
}

export function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Without the brackets of an IPv6 literal. The WHATWG parser has already normalized every spelling of IPv4. */
export function hostOf(url: URL | undefined): string {
  return url?.hostname.replace(/^\[|\]$/g, '') ?? '';
}

/** Why a request may not go to this URL, as the end of a sentence that begins with the field; undefined if it may. */
export function faultOf(
  url: URL | undefined,
  text: string,
  { allowLoopback, trusted }: { readonly allowLoopback: boolean; readonly trusted: boolean },
): string | undefined {
  if (!url) return 'must be a URL';
  if (text.length > MAX_URL_LENGTH) return `must have at most ${MAX_URL_LENGTH} characters`;
  if (url.username || url.password) return 'must not contain a user name or password';
  const host = hostOf(url);
  const onLoopback = allowLoopback && (host === 'localhost' || addressKind(host) === 'loopback');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && onLoopback))
    return 'must begin with https://';
  if (isIP(host) !== 0 && !trusted && !isAllowed(host, allowLoopback)) return 'must be a public address';
  return undefined;
}

/** All addresses of a name; none when it does not resolve in time. */
export function resolveName(lookup: LookupFunction, hostname: string): Promise<readonly string[]> {
  return new Promise((settle) => {
    const timer = setTimeout(() => settle([]), LOOKUP_TIMEOUT_MS);
    lookup(hostname, { all: true }, (error, addresses) => {
      clearTimeout(timer);
      settle(error || !Array.isArray(addresses) ? [] : addresses.map(({ address }) => address));
    });
  });
}
