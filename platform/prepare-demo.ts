/**
 * Prepares the system for its first request, beside the containers. It is a separate process, which ends when it is done:
 * `host ORIGIN TOKEN` waits for a host that serves the API; `demo ORIGIN TOKEN DRONES` registers accounts and users and waits for the fleet.
 *
 * D1 It has no deadline: it goes on as long as its parent runs, and reports its progress to the parent.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ACCOUNTS } from './demo.ts';
import { createHeardCounter, type DronePage } from './heard-drones.ts';

/** Registers missing accounts and users through the public API, as an operator; existing ones stay as they are. */
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

const POLL_MS = 500;
const TIMEOUT_MS = 10_000;
/** Time without progress after which it says where to look. */
const STALL_MS = 20_000;

/** Repeats `work` until it does not throw. */
async function untilDone(work: () => Promise<void>, doing: string): Promise<void> {
  for (let said = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() - said > STALL_MS) {
        said = Date.now();
        tell(`${doing} failed and will be tried again: ${(error as Error).message}`);
      }
      await pause(POLL_MS);
    }
  }
}

const PAGE_SIZE = 250;

async function readPage(origin: string, token: string, continuation: string | undefined): Promise<DronePage> {
  const next = continuation === undefined ? '' : `&continuation=${continuation}`;
  const response = await fetch(`${origin}/api/drones?limit=${PAGE_SIZE}${next}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  const { drones = [], continuation: following } = (await response.json()) as Partial<DronePage>;
  return { drones, ...(following === undefined ? {} : { continuation: following }) };
}

/** Waits until a host that a person has started serves the API. */
async function untilHostAnswers(origin: string, token: string): Promise<void> {
  const served = () =>
    readPage(origin, token, undefined).then(
      () => true,
      () => false,
    );
  while (!(await served())) await pause(POLL_MS);
}

const FLEET_POLL_MS = 100;
const LARGE_FLEET_POLL_MS = 400;
const PROGRESS_MS = 5_000;

/** Waits for every drone: one that was never heard gets no delivery. */
async function untilFleetIsHeard(origin: string, token: string, drones: number): Promise<void> {
  const format = new Intl.NumberFormat('en');
  const countHeard = createHeardCounter((continuation) => readPage(origin, token, continuation), drones);
  let [most, moved, said] = [0, Date.now(), Date.now()];
  await untilDone(async () => {
    for (;;) {
      const heard = await countHeard();
      if (heard >= drones) return;
      const now = Date.now();
      if (heard > most) [most, moved] = [heard, now];
      const stalled = now - moved > STALL_MS;
      if (now - said > (stalled ? STALL_MS : PROGRESS_MS)) {
        said = now;
        const progress = `heard ${format.format(heard)} of ${format.format(drones)} drones`;
        tell(
          stalled
            ? `${progress}, and no more since ${Math.round((now - moved) / 1000)} s. See simulator.log and tracking.log; the host must run its Event Hubs functions without an error`
            : progress,
        );
      }
      // What a page costs is time that the registration lacks.
      await pause(drones > PAGE_SIZE ? LARGE_FLEET_POLL_MS : FLEET_POLL_MS);
    }
  }, 'reading the fleet');
}

function tell(text: string): void {
  process.send?.({ text });
}

// The waiting process has ended.
process.on('disconnect', () => process.exit(0));
const [step, origin = '', token = '', drones = '0'] = process.argv.slice(2);
if (step === 'host') await untilHostAnswers(origin, token);
else {
  await untilDone(() => registerAccounts(origin, token), 'registering the demonstration’s accounts');
  await untilFleetIsHeard(origin, token, Number(drones));
}
process.disconnect?.();
