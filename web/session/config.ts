/** What the pages must be told about the place where they run: `/config.json`. */
export interface PageConfig {
  /** OpenID Connect issuer at which people sign in. */
  readonly issuer: string;
  readonly clientId: string;
  /** Simulated seconds per second; 1 where drones are real. */
  readonly timeScale: number;
}

/** @throws Error when the place cannot tell */
export async function loadConfig(): Promise<PageConfig> {
  const response = await fetch('/config.json');
  if (!response.ok) throw new Error(`the page's configuration cannot be read (${response.status})`);
  return (await response.json()) as PageConfig;
}
