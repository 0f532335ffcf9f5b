/** Decides to which addresses a request that leaves the system may go. */
import ipaddr from 'ipaddr.js';

/** Azure's host service, which ipaddr.js counts as an ordinary public address. https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16 */
const AZURE_HOST_SERVICE = '168.63.129.16';
const { isValid, parse: addressFrom, parseCIDR } = ipaddr;
/** Global unicast: IANA has allocated nothing else. https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = parseCIDR('2000::/3');

export const DENIED_ADDRESSES: readonly string[] = [AZURE_HOST_SERVICE];
export const LOOPBACK_ADDRESSES: readonly string[] = ['127.0.0.1', '::1'];

export type AddressKind = 'public' | 'loopback' | 'inner';

/**
 * `inner` is every address that the public internet does not reach, or that leads back into this network: private,
 * link-local, metadata, multicast, reserved, and IPv6 forms that embed an IPv4 address.
 * @param address an IPv4 or IPv6 address without brackets; anything else is `inner`
 */
export function addressKind(address: string): AddressKind {
  if (LOOPBACK_ADDRESSES.includes(address)) return 'loopback';
  if (!isValid(address) || DENIED_ADDRESSES.includes(address)) return 'inner';
  const parsed = addressFrom(address);
  if (parsed.range() !== 'unicast') return 'inner';
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST) ? 'public' : 'inner';
}
