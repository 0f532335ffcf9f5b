/** Finds the screen of an address. */

export type Route =
  | { readonly screen: 'home' }
  | { readonly screen: 'delivery'; readonly deliveryId: string }
  | { readonly screen: 'share'; readonly token: string }
  | { readonly screen: 'unknown' };

export function routeOf(path: string): Route {
  if (path === '/') return { screen: 'home' };
  const [, kind, id] = /^\/(deliveries|share)\/([\w.~-]+)\/?$/.exec(path) ?? [];
  if (kind === 'deliveries' && id) return { screen: 'delivery', deliveryId: id };
  if (kind === 'share' && id) return { screen: 'share', token: id };
  return { screen: 'unknown' };
}
