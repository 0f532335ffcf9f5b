/** Reads the status of instances, lists them, and removes them. */
import { Buffer } from 'node:buffer';
import type { EngineRequest, EngineResponse } from '../functions-host/contract.ts';
import type { EngineContext } from './engine-context.ts';
import { forApi } from './history.ts';
import { reply } from './replies.ts';
import type { InstanceRow } from './rows.ts';
import { isFinal } from './tables.ts';

const PAGE = 100;
const STATUSES: ReadonlySet<string> = new Set([
  'Pending',
  'Running',
  'Suspended',
  'Completed',
  'Failed',
  'Terminated',
]);

const value = (json: string | null): unknown => (json === null ? null : (JSON.parse(json) as unknown));
const seconds = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;
const isTrue = (text: string | null) => text?.toLowerCase() === 'true';

/** An instance in the form of the API; input and output are always present. */
export function statusOf(
  core: EngineContext,
  row: InstanceRow,
  query: URLSearchParams,
): Record<string, unknown> {
  const showInput = (query.get('showInput') ?? 'true').toLowerCase() !== 'false';
  const events = isTrue(query.get('showHistory'))
    ? core.store.history(row.id).flatMap((chunk) => chunk.events)
    : undefined;
  const lastEpisode = isFinal(row.status) ? 0 : core.store.lastEpisode(row.id);
  return {
    name: row.name,
    instanceId: row.id,
    runtimeStatus: row.status,
    input: showInput ? value(row.input) : null,
    customStatus: value(row.custom_status),
    output: value(row.output),
    createdTime: seconds(row.created),
    lastUpdatedTime: seconds(Math.max(row.updated, lastEpisode)),
    ...(events
      ? {
          historyEvents: forApi(events, { output: isTrue(query.get('showHistoryOutput')), input: showInput }),
        }
      : {}),
  };
}

export function getStatus(core: EngineContext, id: string, request: EngineRequest): EngineResponse {
  const row = core.store.instance(id);
  if (!row) return reply(404);
  const body = statusOf(core, row, request.query);
  if (!isFinal(row.status)) return reply(202, body, { location: request.url, 'retry-after': '5' });
  const asError = row.status === 'Failed' && isTrue(request.query.get('returnInternalServerErrorOnFailure'));
  return reply(asError ? 500 : 200, body);
}

interface Filter {
  readonly from: number;
  readonly to: number;
  readonly statuses: readonly string[];
  readonly prefix: string;
}

function filterOf(query: URLSearchParams): Filter {
  const time = (name: string, otherwise: number) => {
    const at = Date.parse(query.get(name) ?? '');
    return Number.isNaN(at) ? otherwise : at;
  };
  return {
    from: time('createdTimeFrom', 0),
    to: time('createdTimeTo', Number.MAX_SAFE_INTEGER),
    statuses: (query.get('runtimeStatus') ?? '')
      .split(',')
      .map((status) => status.trim())
      .filter((status) => STATUSES.has(status)),
    prefix: query.get('instanceIdPrefix') ?? '',
  };
}

/** In the order of their ids, from `begin` on; one more than `top` when there are more. */
function select(core: EngineContext, filter: Filter, begin: string, top: number): InstanceRow[] {
  const statuses = filter.statuses.length === 0 ? [...STATUSES] : filter.statuses;
  const marks = statuses.map(() => '?').join(',');
  return core.store
    .sql(
      `SELECT * FROM instances WHERE id >= ? AND substr(id, 1, ?) = ? AND created >= ? AND created <= ? AND status IN (${marks}) ORDER BY id LIMIT ?`,
    )
    .all(
      begin,
      filter.prefix.length,
      filter.prefix,
      filter.from,
      filter.to,
      ...statuses,
      top + 1,
    ) as unknown as InstanceRow[];
}

/** The continuation token is the first id of the next page. */
export function listInstances(core: EngineContext, request: EngineRequest): EngineResponse {
  const asked = Number(request.query.get('top'));
  const top = asked > 0 ? asked : PAGE;
  const token = request.headers['x-ms-continuation-token'];
  const begin = token ? Buffer.from(token, 'base64').toString() : '';
  const rows = select(core, filterOf(request.query), begin, top);
  const more = rows[top];
  return reply(
    200,
    rows.slice(0, top).map((row) => statusOf(core, row, request.query)),
    more ? { 'x-ms-continuation-token': Buffer.from(more.id).toString('base64') } : {},
  );
}

export async function purgeOne(core: EngineContext, id: string): Promise<EngineResponse> {
  const row = core.store.instance(id);
  if (!row) return reply(404);
  if (!isFinal(row.status)) {
    return reply(
      412,
      `Only orchestrations in a terminal state can be purged, but the orchestration with instance ID ${id} has status ${row.status}`,
    );
  }
  await core.store.write(() => core.store.removeInstance(id));
  return reply(200, { instancesDeleted: 1 });
}

export async function purgeMany(core: EngineContext, request: EngineRequest): Promise<EngineResponse> {
  if (!request.query.get('createdTimeFrom'))
    return reply(400, "Please provide value for 'createdTimeFrom' parameter.");
  const rows = select(core, filterOf(request.query), '', Number.MAX_SAFE_INTEGER - 1).filter(({ status }) =>
    isFinal(status),
  );
  if (rows.length === 0) return reply(404);
  await core.store.write(() => {
    for (const { id } of rows) core.store.removeInstance(id);
  });
  return reply(200, { instancesDeleted: rows.length });
}
