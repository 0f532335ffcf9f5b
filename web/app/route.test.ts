import fc from 'fast-check';
import { expect, test } from 'vitest';
import { routeOf } from './route.ts';

test.each([
  ['/', { screen: 'home' }],
  ['/deliveries/d-1', { screen: 'delivery', deliveryId: 'd-1' }],
  ['/deliveries/d-1/', { screen: 'delivery', deliveryId: 'd-1' }],
  ['/share/abc.def', { screen: 'share', token: 'abc.def' }],
  ['/deliveries', { screen: 'unknown' }],
  ['/deliveries/', { screen: 'unknown' }],
  ['/deliveries/a/b', { screen: 'unknown' }],
  ['/deliveries/%3Cscript%3E', { screen: 'unknown' }],
  ['/nothing/d-1', { screen: 'unknown' }],
  ['//', { screen: 'unknown' }],
])('%s', (path, route) => expect(routeOf(path)).toEqual(route));

test('every id that the API allows has its screen', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/);
  fc.assert(
    fc.property(id, (deliveryId) => {
      expect(routeOf(`/deliveries/${deliveryId}`)).toEqual({ screen: 'delivery', deliveryId });
    }),
  );
});
