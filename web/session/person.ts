/** The signed-in person, from the claims of the ID token. The page adapts to the role; the services enforce it. */

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly accountId: string | undefined;
  readonly isOperator: boolean;
}

export function personOf(claims: Readonly<Record<string, unknown>> & { readonly sub: string }): Person {
  const { sub, name, account, roles } = claims;
  return {
    id: sub,
    name: typeof name === 'string' ? name : sub,
    accountId: typeof account === 'string' ? account : undefined,
    isOperator: Array.isArray(roles) && roles.includes('operator'),
  };
}
