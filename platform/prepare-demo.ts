/**
 * What must be there before a request can be served, beside the containers. A process of its own that ends when it is so:
 * `host ORIGIN TOKEN` a host that serves the API; `demo ORIGIN TOKEN DRONES` accounts, users, a fleet that was heard.
 */
import { ACCOUNTS } from './demo.ts';

/** Registers what is missing, by the public API as an operator; what is there stays as it is. */
async function registerAccounts(origin: string, token: string): Promise<void> {
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${origin}/api/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const must = async (response: Response): Promise<void> => {
    if (!response.ok)
      throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  };
  for (const { id, name, users } of ACCOUNTS) {
    if ((await call('GET', `accounts/${id}`)).status === 404)
      await must(await call('PUT', `accounts/${id}`, { name }));
    for (const user of users) {
      await must(await call('PUT', `accounts/${id}/users/${user.id}`, { name: user.name, role: user.role }));
    }
  }
}

const HOST_POLL_MS = 500;

/** Until a host that somebody else starts serves the API; as long as that takes. */
async function untilHostAnswers(origin: string, token: string): Promise<void> {
  const served = () =>
    fetch(`${origin}/api/drones`, { headers: { authorization: `Bearer ${token}` } }).then(
      (response) => response.ok,
      () => false,
    );
  while (!(await served())) await new Promise((resolve) => setTimeout(resolve, HOST_POLL_MS));
}

const POLL_MS = 50;
const FLEET_MS = 30_000;

/** A drone that was never heard is not sent anywhere. */
async function untilFleetIsHeard(origin: string, token: string, drones: number): Promise<void> {
  const end = Date.now() + FLEET_MS;
  for (;;) {
    const heard = await countHeard(origin, token);
    if (heard >= drones) return;
    if (Date.now() > end)
      throw new Error(`only ${heard} of ${drones} drones were heard; see simulator.log and tracking.log`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function countHeard(origin: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  let heard = 0;
  let next = '';
  do {
    const response = await fetch(`${origin}/api/drones?limit=500${next}`, { headers });
    const page = (await response.json()) as { drones?: { state?: unknown }[]; continuation?: string };
    heard += page.drones?.filter(({ state }) => state !== undefined).length ?? 0;
    next = page.continuation ? `&continuation=${page.continuation}` : '';
  } while (next);
  return heard;
}

// Whoever waits for this is gone.
process.on('disconnect', () => process.exit(0));
const [what, origin = '', token = '', drones = '0'] = process.argv.slice(2);
if (what === 'host') await untilHostAnswers(origin, token);
else {
  await registerAccounts(origin, token);
  await untilFleetIsHeard(origin, token, Number(drones));
}
process.disconnect?.();
