import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FleetFrame } from '../../shared/contracts/flight.ts';
import {
  type Broker,
  droneToken,
  OPERATOR,
  openDrone,
  refusedUpgrade,
  startBroker,
  startOn,
  tokenOf,
  until,
  verify,
  watchSocket,
  watchSse,
} from '../tracking.fixture.ts';
import type { Tracking } from '../tracking.ts';
import { sampleOf, stageEvent } from '../world.fixture.ts';

const LIMITS = {
  LIMIT_REQUESTS_PER_PRINCIPAL: '8',
  LIMIT_WRONG_TOKENS_PER_ADDRESS: '5',
  LIMIT_STREAMS_PER_PRINCIPAL: '2',
  LIMIT_FRAMES_PER_SECOND: '20',
};
/** A token in the form of a JWT, so that it has an end; the test's verifier reads its payload. */
const expiring = (claims: object, expiresAt: number) =>
  ['{}', JSON.stringify({ ...claims, exp: Math.ceil(expiresAt / 1000) }), 'x']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
const verifyAny = (token: string) => verify(token.split('.')[1] ?? token);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

let broker: Broker;
let tracking: Tracking;
let limited: Tracking;

beforeAll(async () => {
  broker = await startBroker();
  [tracking, limited] = await Promise.all([
    startOn(broker, {}, { verify: verifyAny }),
    startOn(broker, LIMITS),
  ]);
  await Promise.all([tracking.rebuilt, limited.rebuilt]);
  await broker.publish('domain-events', 'd', stageEvent('d', 'Created', 0));
  for (const { tracker } of [tracking, limited]) {
    await until(() => tracker.deliveries.find('d') !== undefined, 'the delivery');
  }
});
afterAll(async () => {
  await Promise.all([tracking.close(), limited.close()]);
  await broker[Symbol.asyncDispose]();
});

const at = ({ port }: Tracking, path: string) => `http://127.0.0.1:${port}${path}`;
const ws = (of: Tracking, path: string) => at(of, path).replace('http', 'ws');
const postTicket = (of: Tracking, token: string, body: unknown) =>
  fetch(at(of, '/tickets'), {
    method: 'POST',
    headers: { ...bearer(token), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** `once` would reject with the connection's error, which is an end like any other here. */
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.on('close', () => resolve()));

/** The status line and headers of what is written as it is. */
async function raw({ port }: Tracking, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString('latin1');
  });
  socket.write(text);
  await closed(socket);
  return answer;
}

describe('M1 a request that is not understood is the caller’s fault', () => {
  test.each(['//[', 'http:///', 'http://[', '//%5B:x'])('the target %s is 400', async (target) => {
    const answer = await raw(
      tracking,
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (400|404) /);
    const upgrade = `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
    expect(await raw(tracking, upgrade)).toMatch(/^HTTP\/1\.1 (400|404) /);
  });

  test('headers that dribble in are cut off', async () => {
    const socket = connect(tracking.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /healthz HTTP/1.1\r\n');
    const dribble = setInterval(() => socket.write('x-more: 1\r\n'), 500);
    await closed(socket);
    clearInterval(dribble);
  });
});

describe('V5 a listener on loopback', () => {
  const upgrade = 'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  const request = (line: string, headers: string) =>
    raw(
      tracking,
      `${line} HTTP/1.1\r\n${headers}Connection: close\r\nAuthorization: Bearer ${OPERATOR}\r\n\r\n`,
    );

  test.each(['GET /healthz', 'GET /metrics', 'GET /fleet', 'POST /tickets', 'OPTIONS /tickets'])(
    '%s is refused for the name of another host, and for a page of another site',
    async (line) => {
      for (const headers of ['Host: evil.example\r\n', 'Host: localhost\r\nOrigin: http://evil.example\r\n'])
        expect(await request(line, headers)).toMatch(/^HTTP\/1\.1 403 /);
    },
  );

  test('so is an upgrade', async () => {
    expect(await request('GET /fleet', `Host: evil.example\r\n${upgrade}`)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('a page that is allowed is served, by its own name, too', async () => {
    const headers = 'Host: page.test\r\nOrigin: http://page.test\r\n';
    expect(await request('GET /healthz', headers)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('in a container, behind an ingress, any host is served', async () => {
    await using open = await startOn(broker, { TRACKING_HOST: '0.0.0.0' });
    const answer = await raw(
      open,
      'GET /healthz HTTP/1.1\r\nHost: tracking.contoso.example\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('M4 bodies', () => {
  const head = (token: string | undefined, headers: string) =>
    `POST /tickets HTTP/1.1\r\nHost: localhost\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}${headers}\r\n\r\n`;
  const json = 'Content-Type: application/json\r\n';

  test.each([
    ['a length beyond the limit', `${json}Content-Length: 99999999`, 413],
    ['a compressed body', `${json}Content-Encoding: gzip\r\nContent-Length: 10`, 415],
    ['another type', 'Content-Type: text/xml\r\nContent-Length: 10', 415],
  ])('%s is refused before it is sent, and the connection ends', async (_, headers, status) => {
    expect(await raw(tracking, head(OPERATOR, headers))).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [^]*connection: close`, 'i'),
    );
  });

  test('V3 without a token nothing of the body is read', async () => {
    const answer = await raw(tracking, head(undefined, `${json}Content-Length: 1000`));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('a chunked body is read, and one that is too long is 413', async () => {
    const chunked = (size: number) => {
      const body = JSON.stringify({ fleet: true, x: 'y'.repeat(size) });
      const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      return `${head(OPERATOR, `${json}Connection: close\r\nTransfer-Encoding: chunked`)}${chunk}`;
    };
    expect(await raw(tracking, chunked(10))).toMatch(/^HTTP\/1\.1 400 [^]*must be \{deliveryId\}/);
    expect(await raw(tracking, chunked(300_000))).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('M2 a stream ends when the token ends that opened it, or that its ticket was made with', () => {
  const operator = { subject: 'olivia', roles: ['operator'] };
  const customer = { subject: 'alice', roles: ['customer'], accountId: 'account-1' };

  test('the ticket says when, and its stream is closed with 4401', async () => {
    for (const [claims, body, path] of [
      [operator, { fleet: true }, '/fleet'],
      [customer, { deliveryId: 'd' }, '/track/d'],
    ] as const) {
      const expiresAt = Date.now() + 2_000;
      const ticketOf = async () => {
        const made = await postTicket(tracking, expiring(claims, expiresAt), body);
        return (await made.json()) as { ticket: string; expiresAt: string; expiresInSeconds: number };
      };
      const [first, second] = [await ticketOf(), await ticketOf()];
      expect(Date.parse(first.expiresAt)).toBe(Math.ceil(expiresAt / 1000) * 1000);
      expect(first.expiresInSeconds).toBeLessThan(4);
      const socket = await watchSocket<FleetFrame>(`${ws(tracking, path)}?ticket=${first.ticket}`);
      const sse = await watchSse<FleetFrame>(`${at(tracking, path)}?ticket=${second.ticket}`);
      await until(() => socket.ended() && sse.ended(), 'both streams to end', 20_000);
      expect(socket.code()).toBe(4401);
    }
  });

  test('so is a stream that a bearer token opened', async () => {
    const token = expiring(operator, Date.now() + 1_000);
    const socket = await watchSocket(ws(tracking, '/fleet'), bearer(token));
    await until(() => socket.ended(), 'the stream to end', 20_000);
    expect(socket.code()).toBe(4401);
  });
});

describe('M3 limits', () => {
  test('L1 a principal’s requests: 429 with Retry-After and RateLimit headers, and others go on', async () => {
    const answers = [];
    for (let n = 0; n < 10; n += 1) {
      answers.push(
        await postTicket(limited, tokenOf({ subject: 'busy', roles: ['operator'] }), { fleet: true }),
      );
    }
    expect(answers.map(({ status }) => status)).toEqual([...Array(8).fill(201), 429, 429]);
    const last = answers.at(-1) as Response;
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(last.headers.get('ratelimit-policy')).toBe('"principal";q=8;w=60');
    expect(last.headers.get('ratelimit')).toMatch(/^"principal";r=0;t=\d+$/);
    expect(await last.json()).toMatchObject({ code: 'too_many_requests', limit: 'principal' });
    const other = await postTicket(limited, tokenOf({ subject: 'calm', roles: ['operator'] }), {
      fleet: true,
    });
    expect(other.status).toBe(201);
  });

  test('L2 wrong tokens of an address: 401, then 429; a valid token is still served', async () => {
    const statuses = [];
    for (let n = 0; n < 7; n += 1)
      statuses.push((await fetch(at(limited, '/fleet'), { headers: bearer('x') })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect(await refusedUpgrade(ws(limited, '/fleet'), bearer('x'))).toBe(429);
    const good = await postTicket(limited, tokenOf({ subject: 'good', roles: ['operator'] }), {
      fleet: true,
    });
    expect(good.status).toBe(201);
  });

  test('L3 a principal’s open streams are bounded; a place that was left can be taken again', async () => {
    const token = tokenOf({ subject: 'watcher', roles: ['operator'] });
    const open = () => watchSocket(ws(limited, '/fleet'), bearer(token));
    const [first] = [await open(), await open()];
    expect(await refusedUpgrade(ws(limited, '/fleet'), bearer(token))).toBe(429);
    first.close();
    await until(async () => (await refusedUpgrade(ws(limited, '/fleet'), bearer(token))) === 101, 'a place');
  });

  test('S5 frames beyond the limit are dropped with one error; the drone stays connected', async () => {
    const drone = await openDrone(limited.port, 'd-fast');
    for (let seq = 0; seq < 200; seq += 1)
      drone.send({ type: 'telemetry', samples: [sampleOf('d-fast', { seq })] });
    expect(await drone.next('error')).toMatchObject({ code: 'too_many_frames' });
    expect(drone.socket.readyState).toBe(drone.socket.OPEN);
    await drone.close();
  });

  test('V4 refusals are counted by their code', async () => {
    const text = await (await fetch(at(limited, '/metrics'))).text();
    expect(text).toMatch(/tracking_refusals_total\{code="too_many_requests"\} \d+/);
    expect(text).toMatch(/tracking_refusals_total\{code="token_invalid"\} \d+/);
    expect(text).toMatch(/tracking_frames_refused_total\{reason="too_many_frames"\} \d+/);
  });

  test('probes are not limited', async () => {
    for (let n = 0; n < 50; n += 1) expect((await fetch(at(limited, '/healthz'))).status).toBe(200);
  });
});

describe('a drone’s clock', () => {
  test.each([
    ['ahead', '2999-01-01T00:00:00Z', /samples\.0\.time: more than 300 s ahead/],
    ['behind', '1970-01-01T00:00:00Z', /samples\.0\.time: more than 24 h behind/],
  ])('I3 far %s: the sample changes nothing, and the drone is told', async (name, time, detail) => {
    const id = `d-clock-${name}`;
    const drone = await openDrone(tracking.port, id);
    drone.send({ type: 'telemetry', samples: [sampleOf(id, { time })] });
    const error = await drone.next('error');
    expect([error.code, error.detail]).toEqual(['wrong_time', expect.stringMatching(detail)]);
    expect(tracking.tracker.drones.find(id)?.track.latest).toBeUndefined();
    drone.send({ type: 'telemetry', samples: [sampleOf(id, { seq: 1 })] });
    await until(
      () => tracking.tracker.drones.find(id)?.track.latest !== undefined,
      'the sample that is right',
    );
    const answer = await fetch(at(tracking, '/telemetry'), {
      method: 'POST',
      headers: { ...bearer(droneToken(id)), 'content-type': 'application/json' },
      body: JSON.stringify({ samples: [sampleOf(id, { seq: 2, time })] }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ errors: [{ path: 'body.samples.0.time' }] });
    await drone.close();
  });
});
