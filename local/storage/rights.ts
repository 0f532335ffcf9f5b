/**
 * Finds the rights that a request needs, and the roles that grant them.
 *
 * R1 Rights are the data actions of Azure's built-in roles, without `Microsoft.Storage/storageAccounts/…Services/`:
 *    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
 * R2 The rights of an operation are those of Microsoft's table, so a role that writes blobs does not read the service's properties:
 *    https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
 * R3 A role applies to one container, queue or table, or to the account, `*`; an operation that lists them needs one for the account.
 */
import { ACCOUNT, type Service } from './account.ts';

const BLOB_READER = ['containers/read', 'blobs/read'] as const;
const BLOB_CONTRIBUTOR = [
  ...BLOB_READER,
  'containers/write',
  'containers/delete',
  'blobs/write',
  'blobs/delete',
] as const;
const TABLE_READER = ['tables/read', 'entities/read'] as const;

/** Storage Blob Data Owner, Storage Blob Data Contributor, …, Storage Queue Data Message Processor, …, Storage Table Data Reader. */
const ROLES = {
  blobOwner: [...BLOB_CONTRIBUTOR, 'blobs/tags', 'blobs/filter', 'blobs/immutableStorage'],
  blobContributor: BLOB_CONTRIBUTOR,
  blobReader: BLOB_READER,
  queueContributor: [
    'queues/read',
    'queues/write',
    'queues/delete',
    'messages/read',
    'messages/write',
    'messages/delete',
    'messages/process',
  ],
  queueReader: ['queues/read', 'messages/read'],
  queueProcessor: ['messages/read', 'messages/process'],
  queueSender: ['messages/add'],
  tableContributor: [...TABLE_READER, 'tables/write', 'tables/delete', 'entities/write', 'entities/delete'],
  tableReader: TABLE_READER,
} as const;

export type Role = keyof typeof ROLES;
export type Right = (typeof ROLES)[Role][number];

/** Principal (`sub`, `oid`, `appid` or `azp` of the token) → container, queue or table (`*`: every one) → its roles there. */
export type Roles = Readonly<Record<string, Readonly<Record<string, Role | readonly Role[]>>>>;

export const isRole = (value: unknown): value is Role =>
  typeof value === 'string' && Object.hasOwn(ROLES, value);

export interface Need {
  /** One of these is needed; empty: no role grants it. */
  readonly anyOf: readonly Right[];
  /** The container, queue or table; ``: the account. */
  readonly scope: string;
}

export interface Asked {
  readonly method: string;
  readonly url: URL;
  /** Header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

/** Whether the roles of one of the names cover the need. */
export function covers(roles: Roles, names: readonly string[], { anyOf, scope }: Need): boolean {
  return names.some((name) =>
    Object.entries(Object.hasOwn(roles, name) ? (roles[name] ?? {}) : {})
      .filter(([place]) => place === '*' || place === scope)
      .flatMap(([, given]) => given)
      .some((role) => ROLES[role].some((right) => anyOf.includes(right))),
  );
}

/** All rights that a request needs; undefined: it is not supported with a token. @throws URIError when the path is not well encoded */
export function needsOf(service: Service, asked: Asked): readonly Need[] | undefined {
  const [, place = '', ...rest] = partsOf(asked.url);
  const below = rest.join('/');
  if (service === 'blob') return blobNeeds(asked, place, below);
  if (service === 'queue') return [{ anyOf: queueRights(asked, place, rest), scope: place }];
  return [tableNeed(asked, place)];
}

/** Account, container and blob; account, queue, `messages` and message; account and table. */
export function partsOf(url: URL): string[] {
  return decodeURIComponent(url.pathname).slice(1).split('/');
}

const reads = ({ method }: Asked) => method === 'GET' || method === 'HEAD';

function blobNeeds(asked: Asked, container: string, blob: string): readonly Need[] | undefined {
  const comp = asked.url.searchParams.get('comp') ?? '';
  const need = (...anyOf: Right[]): Need => ({ anyOf, scope: container });
  if (comp === 'userdelegationkey' || comp === 'acl') return undefined;
  if (container === '') return [need(...accountRights(comp))];
  if (blob === '') return [need(containerRight(asked, comp))];
  if (comp === 'tags') return [need('blobs/tags')];
  if (comp === 'immutabilityPolicies') return [need('blobs/immutableStorage')];
  if (comp === 'undelete' || comp === 'legalhold') return [need('containers/write')];
  if (reads(asked) || comp === 'query') return [need('blobs/read')];
  if (asked.method === 'DELETE') return [need('blobs/delete')];
  const source = sourceOf(asked.header('x-ms-copy-source'));
  return [
    need('blobs/write'),
    ...(asked.header('x-ms-tags') ? [need('blobs/tags')] : []),
    ...(source ? [source] : []),
  ];
}

function accountRights(comp: string): Right[] {
  if (comp === 'list') return ['containers/read'];
  if (comp === 'blobs') return ['blobs/filter'];
  return comp === 'batch' ? ['containers/write'] : [];
}

function containerRight(asked: Asked, comp: string): Right {
  if (comp === 'list') return 'blobs/read';
  if (comp === 'blobs') return 'blobs/filter';
  if (reads(asked)) return 'containers/read';
  return asked.method === 'DELETE' ? 'containers/delete' : 'containers/write';
}

/** The right on the source of a copy in this account; undefined if the source is elsewhere. */
function sourceOf(copied: string | undefined): Need | undefined {
  if (copied === undefined || !URL.canParse(copied)) return undefined;
  const [account, container = ''] = partsOf(new URL(copied));
  return account === ACCOUNT ? { anyOf: ['blobs/read'], scope: container } : undefined;
}

function queueRights(asked: Asked, queue: string, [messages, id]: readonly string[]): readonly Right[] {
  const { method, url } = asked;
  const comp = url.searchParams.get('comp');
  if (queue === '') return comp === 'list' ? ['queues/read'] : [];
  if (comp === 'acl') return [];
  if (!messages) {
    if (reads(asked)) return ['queues/read'];
    return [method === 'DELETE' ? 'queues/delete' : 'queues/write'];
  }
  if (reads(asked)) return [url.searchParams.has('peekonly') ? 'messages/read' : 'messages/process'];
  if (method === 'DELETE') return id ? ['messages/process', 'messages/delete'] : ['messages/delete'];
  return method === 'POST' ? ['messages/add', 'messages/write'] : ['messages/write'];
}

/** Creating a table, and changing entities in a batch, need the right for all tables, since the names are in the body. */
function tableNeed(asked: Asked, path: string): Need {
  const { method, url } = asked;
  const [, name = '', key = ''] = /^([^(]*)(?:\(['"]?([^'"]*))?/.exec(path) ?? [];
  if (name === '' || url.searchParams.get('comp') === 'acl') return { anyOf: [], scope: name };
  if (name === '$batch') return { anyOf: ['entities/write'], scope: '' };
  if (name === 'Tables') {
    if (reads(asked)) return { anyOf: ['tables/read'], scope: key };
    return { anyOf: [method === 'DELETE' ? 'tables/delete' : 'tables/write'], scope: key };
  }
  if (reads(asked)) return { anyOf: ['entities/read'], scope: name };
  return { anyOf: [method === 'DELETE' ? 'entities/delete' : 'entities/write'], scope: name };
}
