/** The one account of the storage server: Azurite's documented name and key. https://learn.microsoft.com/azure/storage/common/storage-connect-azurite */
import { createHmac } from 'node:crypto';

export const ACCOUNT = 'devstoreaccount1';
export const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Of tokens for every storage account: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory */
export const AUDIENCE = 'https://storage.azure.com';

export type Service = 'blob' | 'queue' | 'table';

/**
 * The query of an account SAS for everything but access policies, which no SAS allows.
 * https://learn.microsoft.com/rest/api/storageservices/create-account-sas#construct-the-signature-string
 *
 * @example `${address}?${accountSignature()}`
 */
export function accountSignature(): string {
  const [permissions, services, kinds, expires, version] = [
    'rwdxylacuptfi',
    'bqt',
    'sco',
    '2999-12-31T00:00:00Z',
    '2021-12-02',
  ] as const;
  const [start, addresses, protocol, scope] = ['', '', '', ''];
  const signed = [
    ACCOUNT,
    permissions,
    services,
    kinds,
    start,
    expires,
    addresses,
    protocol,
    version,
    scope,
    '',
  ];
  const signature = createHmac('sha256', Buffer.from(KEY, 'base64')).update(signed.join('\n'));
  return new URLSearchParams({
    sv: version,
    ss: services,
    srt: kinds,
    sp: permissions,
    se: expires,
    sig: signature.digest('base64'),
  }).toString();
}
