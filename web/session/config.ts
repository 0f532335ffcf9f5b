/** The settings of the deployment that serves the pages: `/config.json`. */
export interface PageConfig {
  /** OpenID Connect issuer at which people sign in; its endpoints come from its discovery document. */
  readonly issuer: string;
  readonly clientId: string;
  /**
   * Scopes of a sign-in. One must name the API, or the tokens are for another audience: in Entra ID
   * `openid profile offline_access <audience>/.default`.
   */
  readonly scope: string;
  /** Simulated seconds per second; 1 where drones are real. */
  readonly timeScale: number;
}

/** @throws Error when it cannot be read */
export async function loadConfig(): Promise<PageConfig> {
  const response = await fetch('/config.json');
  if (!response.ok) throw new Error(`the page's configuration cannot be read (${response.status})`);
  return (await response.json()) as PageConfig;
}
