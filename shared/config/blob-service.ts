/** Finds the address of Blob storage for a client that uses the identity. */

/**
 * The documented forms of an identity-based connection: the whole address, or the name of an account in Azure.
 * https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
 *
 * @returns the address, without a trailing slash
 * @param connection `AzureWebJobsStorage__blobServiceUri` and `AzureWebJobsStorage__accountName`, or those of another connection
 * @throws Error when it has neither
 */
export function blobServiceUri(connection: {
  readonly blobServiceUri?: string | undefined;
  readonly accountName?: string | undefined;
}): string {
  const { blobServiceUri: uri, accountName } = connection;
  if (uri) return uri.replace(/\/$/, '');
  if (!accountName)
    throw new Error('an identity-based storage connection needs blobServiceUri or accountName');
  return `https://${accountName}.blob.core.windows.net`;
}
