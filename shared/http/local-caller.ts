/**
 * Keeps web pages of other sites away from a listener on loopback. A page may send requests to this machine and rebind its own
 * name to 127.0.0.1; the browser tells both in `Host` and `Origin`, which the page cannot change.
 */
import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1)$/i;
const PORT = /:\d{1,5}$/;

/** @param host a name or an address without a port, as one listens on it */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Says why a request that came over loopback is refused; undefined: it is of this machine.
 * @param allowed origins whose pages may call, and whose names may stand in `Host`
 * @example foreignCaller({ host: 'evil.example:8090' }, []) // 'the host evil.example:8090 is not this machine'
 */
export function foreignCaller(
  { host, origin }: Pick<IncomingHttpHeaders, 'host' | 'origin'>,
  allowed: readonly string[],
): string | undefined {
  const names = new Set(allowed.flatMap((each) => URL.parse(each)?.hostname ?? []));
  const isOurs = (authority: string) => {
    const name = authority.replace(PORT, '').toLowerCase();
    return isLoopback(name) || names.has(name);
  };
  if (host !== undefined && !isOurs(host)) return `the host ${host} is not this machine`;
  if (origin === undefined || allowed.includes(origin)) return undefined;
  const page = /^https?:\/\/(.+)$/i.exec(origin)?.[1];
  return page !== undefined && isLoopback(page.replace(PORT, ''))
    ? undefined
    : `pages of ${origin} may not call`;
}
