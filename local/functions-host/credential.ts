/** The identity of the hosted app's connections. Its library is large, so it is loaded with the first token. */
import type { TokenCredential } from '@azure/identity';

/** @param clientId of the user-assigned managed identity; absent: the machine's */
export function lazyCredential(clientId?: string): TokenCredential {
  let loading: Promise<TokenCredential> | undefined;
  const load = async (): Promise<TokenCredential> => {
    const { DefaultAzureCredential } = await import('@azure/identity');
    return new DefaultAzureCredential(clientId ? { managedIdentityClientId: clientId } : {});
  };
  return {
    getToken: async (scopes, options) => {
      loading ??= load();
      return (await loading).getToken(scopes, options);
    },
  };
}
