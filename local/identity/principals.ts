/** The principals that can have a token, and the clients that may ask for one. */

/** A person, drone, carrier or service; its id is the token's subject. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  /** The claim `roles`; the application defines its values. */
  readonly roles: readonly string[];
  readonly accountId?: string;
  /** Display name of the account. */
  readonly accountName?: string;
  readonly droneId?: string;
  readonly carrierId?: string;
}

export interface Client {
  readonly id: string;
  /** Display name. */
  readonly name?: string;
  /** For client credentials; a client without one is public and signs people in by code and PKCE. */
  readonly secret?: string;
  /** The principal of its client credentials. Default: the one with the client's id. */
  readonly principalId?: string;
  /** Exact addresses on loopback to which a code may go. */
  readonly redirectUris?: readonly string[];
}

/** The page on which people sign in. */
export interface SignInPage {
  /** Name of the application, in the page's title. */
  readonly application: string;
  /** Ids of the principals who may sign in there; all others are machines, which have secrets. */
  readonly people: readonly string[];
  /** Heading for the people who belong to no account. */
  readonly staff: string;
}
