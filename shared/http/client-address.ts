/**
 * The client's address as the trusted proxies report it. Each proxy appends the address of its own caller to
 * `X-Forwarded-For`, so only the last entries are theirs; the client may have written the others.
 *
 * @param trustedProxies proxies in front of this process that append to the header
 * @returns undefined where the trusted proxies have added no address
 */
export function forwardedAddress(header: string | undefined, trustedProxies: number): string | undefined {
  if (trustedProxies === 0) return undefined;
  const hops = (header ?? '')
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
  const hop = hops.at(-trustedProxies);
  return hop === undefined ? undefined : withoutPort(hop);
}

/** Azure's front end adds the port of the connection: `203.0.113.7:50123`, `[2001:db8::7]:50123`. */
function withoutPort(hop: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([^:]+):\d+$/.exec(hop)?.[1] ?? hop;
}
