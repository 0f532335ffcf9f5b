/** What `npm start` prints when all is ready: what runs where, and what to try next. */
import { DEMO_ADDRESSES } from '../../shared/geo/service-area/service-area.ts';
import type { Endpoints } from './endpoints.ts';

export function banner(endpoints: Endpoints, logs: string, milliseconds: number): string {
  const { gateway, api, openapi, tracking, cosmos, identity, parts, tokens } = endpoints;
  const rows: [string, string][] = [
    ['Live page', `${gateway}/`],
    ['API', api],
    ['API, to read', `${gateway}/api-docs`],
    ['OpenAPI', openapi],
    ['Tracking', tracking],
    ['Identity', identity.issuer],
    ['Cosmos DB', cosmos.endpoint],
    ['Event Hubs', /sb:\/\/[^;]+/.exec(endpoints.eventHubs.connectionString)?.[0] ?? ''],
    ['Blob storage', /BlobEndpoint=([^;]+)/.exec(endpoints.storage.connectionString)?.[1] ?? ''],
    ['Logs', logs],
    [
      'Processes',
      Object.entries(parts)
        .map(([name, { pid }]) => `${name} ${pid}`)
        .join(', '),
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
  const request = {
    ownerId: 'contoso',
    pickupLocation: DEMO_ADDRESSES[0],
    dropOffLocation: DEMO_ADDRESSES[1],
    packageInfo: { size: 'Small', weight: 1.2 },
  };
  return `
Ready in ${(milliseconds / 1000).toFixed(1)} s.

${table}

Ask for a delivery (as Alice of Contoso), then watch it on the live page:

  TOKEN=${tokens['alice']}
  curl -s ${api}/deliveryrequests -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '${JSON.stringify(request)}'

Ctrl-C stops everything; nothing is lost. More tokens: npm run token -- alice | adam | tara | tom | olivia

`;
}
