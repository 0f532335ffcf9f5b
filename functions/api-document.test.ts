import { app, type HttpRequest, type InvocationContext } from '@azure/functions';
import { afterEach, expect, test, vi } from 'vitest';
import { getDelivery } from '../shared/contracts/deliveries.ts';
import { registerApiDocument } from './api-document.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('the document is public, may be cached for some minutes, and is not sniffed', async () => {
  const register = vi.spyOn(app, 'http').mockImplementation(() => undefined);
  registerApiDocument([getDelivery], 'https://api.example');
  const [, options] = register.mock.calls[0] ?? [];
  expect(options).toMatchObject({ methods: ['GET'], route: 'openapi.json', authLevel: 'anonymous' });
  const answer = await options?.handler({} as HttpRequest, {} as InvocationContext);
  expect(answer).toMatchObject({
    headers: { 'cache-control': 'public, max-age=300', 'x-content-type-options': 'nosniff' },
    jsonBody: {
      servers: [{ url: 'https://api.example' }],
      paths: { '/api/deliveries/{deliveryId}': { get: { operationId: 'getDelivery' } } },
      components: { schemas: { Delivery: { type: 'object' } } },
    },
  });
});
