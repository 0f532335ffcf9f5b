import { expect, test } from 'vitest';
import { blobServiceUri } from './blob-service.ts';

test.each([
  [{ accountName: 'stdelivery' }, 'https://stdelivery.blob.core.windows.net'],
  [{ blobServiceUri: 'https://localhost:7083/devstoreaccount1' }, 'https://localhost:7083/devstoreaccount1'],
  [
    { blobServiceUri: 'https://a.blob.core.windows.net/', accountName: 'b' },
    'https://a.blob.core.windows.net',
  ],
])('%j is at %s', (connection, address) => {
  expect(blobServiceUri(connection)).toBe(address);
});

test('without either it says what is missing', () => {
  expect(() => blobServiceUri({ blobServiceUri: '' })).toThrow(/needs blobServiceUri or accountName/);
});
