/** The demonstration's accounts, people and machines. Their names are stable, and the README lists them. */
import type { Client, Principal, SignInPage } from 'azure-local/identity';
import { clientSecret } from '../shared/auth/client-secret.ts';
import type { Role } from '../shared/auth/principal.ts';

export interface DemoAccount {
  readonly id: string;
  readonly name: string;
  readonly users: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: 'customer' | 'account-admin';
  }[];
}

export const ACCOUNTS: readonly DemoAccount[] = [
  {
    id: 'contoso',
    name: 'Contoso Pharmacy',
    users: [
      { id: 'alice', name: 'Alice', role: 'customer' },
      { id: 'adam', name: 'Adam', role: 'account-admin' },
    ],
  },
  {
    id: 'tailwind',
    name: 'Tailwind Traders',
    users: [
      { id: 'tara', name: 'Tara', role: 'customer' },
      { id: 'tom', name: 'Tom', role: 'account-admin' },
    ],
  },
];

export const OPERATOR = 'olivia';
export const CARRIER = 'carrier-1';
/** The pages, as the issuer knows them. */
export const PAGE_CLIENT = 'web';
/** The program that registers the fleet, as an operator would. */
const SIMULATOR = 'simulator';

/** Principals whose tokens are written to endpoints.json. */
export const SHOWN = ['alice', 'adam', 'tara', 'tom', OPERATOR, 'drone-1'] as const;

/** The people who sign in on the issuer's page. */
export const SIGN_IN: SignInPage = {
  application: 'Drone Delivery',
  people: [...ACCOUNTS.flatMap(({ users }) => users.map(({ id }) => id)), OPERATOR],
  staff: 'Fabrikam',
};

/** A principal of the issuer whose roles are those of this product. */
type DemoPrincipal = Principal & { readonly roles: readonly Role[] };

export function principals(drones: number): DemoPrincipal[] {
  const people = ACCOUNTS.flatMap((account) =>
    account.users.map(
      ({ id, name, role }): DemoPrincipal => ({
        id,
        name,
        roles: [role],
        accountId: account.id,
        accountName: account.name,
      }),
    ),
  );
  const fleet = droneIds(drones).map(
    (id): DemoPrincipal => ({ id, name: id, roles: ['drone'], droneId: id }),
  );
  return [
    ...people,
    { id: OPERATOR, name: 'Olivia', roles: ['operator'] },
    { id: SIMULATOR, name: 'Simulator', roles: ['operator'] },
    { id: CARRIER, name: 'City Couriers', roles: ['carrier'], carrierId: CARRIER },
    ...fleet,
  ];
}

/** The identities of the processes. Tracking always needs its own for calls to the API; both are needed without connection strings. */
export function managedIdentities(): DemoPrincipal[] {
  return ['functions', 'tracking'].map((id): DemoPrincipal => ({ id, name: id, roles: ['service'] }));
}

/** @param key gives each machine its own secret, so a drone's secret opens nothing else */
export function clients(drones: number, key: string, origin: string): Client[] {
  const machines = [SIMULATOR, CARRIER, ...droneIds(drones)].map(
    (id): Client => ({ id, secret: clientSecret(key, id) }),
  );
  return [...machines, { id: PAGE_CLIENT, name: 'The drone delivery page', redirectUris: [`${origin}/`] }];
}

function droneIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `drone-${index + 1}`);
}
