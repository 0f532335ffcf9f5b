/** Where Blob storage is, for a client with the identity. */

/**
 * The documented forms of an identity-based connection: the whole address, or the name of an account in Azure.
 * https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
 *
 * @returns without a slash at its end
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
    throw new Error('a storage connection with the identity needs blobServiceUri or accountName');
  return `https://${accountName}.blob.core.windows.net`;
}
