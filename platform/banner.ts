/** Makes the text that `npm start` prints when everything is ready: the addresses, and a first request to try. */
import { DEMO_ADDRESSES } from '../shared/geo/service-area/service-area.ts';
import type { Endpoints } from './endpoints.ts';

export function banner(endpoints: Endpoints, logs: string, milliseconds: number): string {
  const { gateway, api, openapi, tokens } = endpoints;
  const request = {
    ownerId: 'contoso',
    pickupLocation: DEMO_ADDRESSES[0],
    dropOffLocation: DEMO_ADDRESSES[1],
    packageInfo: { size: 'Small', weight: 1.2 },
  };
  return `
Ready in ${(milliseconds / 1000).toFixed(1)} s.

${table([
  ['Live page', `${gateway}/`],
  ['API', api],
  ['API reference', `${gateway}/api-docs`],
  ['OpenAPI', openapi],
  ...serversOf(endpoints, logs),
])}

Ask for a delivery (as Alice of Contoso), then watch it on the live page:

  TOKEN=${tokens['alice']}
  curl -s ${api}/deliveryrequests -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '${JSON.stringify(request)}'

Ctrl-C stops everything; nothing is lost. More tokens: npm run token -- alice | adam | tara | tom | olivia

`;
}

/** The text with `--servers`: the address at which the host is expected, and how to start one. */
export function serversBanner(host: string): typeof banner {
  const { port } = new URL(host);
  return (endpoints, logs, milliseconds) => `
Servers ready in ${(milliseconds / 1000).toFixed(1)} s. Start the Functions host yourself.

${table([['Live page', `${endpoints.gateway}/`], ['API', `${endpoints.api} (from the host on port ${port})`], ...serversOf(endpoints, logs)])}

In another terminal, once:  cp local.settings.sample.json local.settings.json
Then, with Core Tools:      func start --port ${port}
Or with the local host:     npm run host -- --app . --port ${port}

Ctrl-C stops the servers; nothing is lost.

`;
}

function serversOf(
  { tracking, cosmos, identity, eventHubs, storage, parts }: Endpoints,
  logs: string,
): Row[] {
  return [
    ['Tracking', tracking],
    ['Identity', identity.issuer],
    ['Cosmos DB', cosmos.endpoint],
    ['Event Hubs', /sb:\/\/[^;]+/.exec(eventHubs.connectionString)?.[0] ?? ''],
    ['Storage', /BlobEndpoint=([^;]+)/.exec(storage.connectionString)?.[1] ?? ''],
    ['Logs', logs],
    [
      'Processes',
      Object.entries(parts)
        .map(([name, { pid }]) => `${name} ${pid}`)
        .join(', '),
    ],
  ];
}

type Row = [name: string, value: string];

function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
