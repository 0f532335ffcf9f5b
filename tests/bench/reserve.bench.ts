/**
 * What a reservation costs with fleets of 12, 300 and 3,000 drones: time and Cosmos DB requests.
 * `node tests/bench/reserve.bench.ts [--sizes 12,300,3000] [--rounds 400]`
 *
 * The drone service runs in this process, its Cosmos DB server in another; the drones are those of the simulator, at their bases.
 * A round reserves a drone from a random place of the city and releases it; the change feed runs as it does in the host. One
 * reservation at a time, so no contention; HTTP and the token check are not in it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChangeFeedStartFrom, CosmosClient } from '@azure/cosmos';
import { CONTROL_HEADERS } from 'azure-local/control';
import { EMULATOR_KEY } from 'azure-local/cosmos/account';
import { availableFrom } from '../../functions/drone/availability.ts';
import { createMissionHandlers } from '../../functions/drone/mission.ts';
import { createProjection } from '../../functions/drone/projection.ts';
import { createDroneRepository, type DroneRepository } from '../../functions/drone/repository.ts';
import { createReserve } from '../../functions/drone/reserve.ts';
import { readSettings } from '../../shared/config/settings.ts';
import { containerDefinition } from '../../shared/cosmos/containers.ts';
import { createDatabase } from '../../shared/cosmos/store.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { createLog } from '../../shared/telemetry/log.ts';
import { buildDrone } from '../../simulator/drone/state.ts';
import { airframeOf, performanceOf } from '../../simulator/physics/airframes.ts';
import { service } from '../harness/service.ts';

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '12,300,3000' }, rounds: { type: 'string', default: '400' } },
});
const ROUNDS = Number(values.rounds);
const CONTAINERS = ['drones', 'availableDrones', 'droneDeliveries'] as const;
const WARM_UP = 50;
const AT_ONCE = 16;
const OWNER = { userId: 'ann', accountId: 'contoso' };
const call = { principal: service('contoso'), headers: {}, log: undefined as never };

process.stdout.write(
  '| drones | reserve p50 | p99 | release p50 | Cosmos DB requests per reservation |\n|---|---|---|---|---|\n',
);
for (const size of values.sizes.split(',').map(Number)) await measure(size);
process.exit(0);

async function measure(size: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reserve-bench-'));
  const { child, endpoint, control } = await startServer(dataDir);
  const client = new CosmosClient({
    endpoint,
    key: EMULATOR_KEY,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: 'bench' });
  for (const name of CONTAINERS) await database.containers.createIfNotExists(containerDefinition(name));
  const repository = createDroneRepository(createDatabase(client, 'bench'));
  await addFleet(repository, size);
  const feed = followFeed(client, createProjection(repository));
  const deps = depsOf(endpoint);
  const reserve = createReserve(repository, deps);
  const { release } = createMissionHandlers(repository, deps);
  const [reserved, released]: [number[], number[]] = [[], []];
  let requests = 0;
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    const params = { deliveryId: `d${round}` };
    await feed.drain();
    const before = await countOf(control);
    const begun = performance.now();
    await reserve({ params, query: {}, body: taskOf() }, call);
    const held = performance.now();
    const after = await countOf(control);
    await feed.drain();
    const releasing = performance.now();
    await release({ params, query: {}, body: undefined }, call);
    if (round < WARM_UP) continue;
    released.push(performance.now() - releasing);
    reserved.push(held - begun);
    requests += after - before;
  }
  const at = (times: number[], share: number) =>
    `${(times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1)} ms`;
  process.stdout.write(
    `| ${size} | ${at(reserved, 0.5)} | ${at(reserved, 0.99)} | ${at(released, 0.5)} | ${(requests / ROUNDS).toFixed(1)} |\n`,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  await rm(dataDir, { recursive: true, force: true });
}

async function startServer(dataDir: string) {
  const child: ChildProcess = fork(
    join(import.meta.dirname, '../../local/cosmos/main.ts'),
    ['--port', '0', '--control-port', '0', '--data', dataDir],
    { silent: true },
  );
  const [ready] = (await once(child, 'message')) as [{ port: number; controlPort: number }];
  return {
    child,
    endpoint: `http://127.0.0.1:${ready.port}/`,
    control: `http://127.0.0.1:${ready.controlPort}/requests`,
  };
}

async function addFleet(repository: DroneRepository, size: number): Promise<void> {
  const time = new Date().toISOString();
  const add = async (index: number) => {
    const { id: droneId, model, base } = buildDrone(1, index);
    const frame = airframeOf(model);
    const registry = {
      id: 'registry',
      type: 'registry',
      health: 'Ok',
      acceptsMissions: true,
      hold: null,
      fence: 0,
      droneId,
      model,
      base,
      cargoBay: frame.cargoBay,
      performance: performanceOf(frame),
    } as const;
    const state = {
      id: 'state',
      type: 'state',
      flightMode: 'Ready',
      leg: 'Idle',
      loaded: false,
      droneId,
      boot: 'b',
      seq: 1,
      time,
      position: base.position,
      heading: 0,
      battery: 1,
      odometer: 0,
    } as const;
    await repository.createRegistry(registry);
    await repository.saveState(state, undefined, []);
    const drone = availableFrom({ registry, state });
    if (drone) await repository.available.put(drone);
  };
  for (let index = 0; index < size; index += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, size - index) }, (_, offset) => add(index + offset)),
    );
  }
}

/** Runs the projection as the host does. */
function followFeed(client: CosmosClient, project: ReturnType<typeof createProjection>) {
  const drones = client.database('bench').container('drones');
  const iterator = drones.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Now() });
  return {
    drain: async () => {
      for (let empty = 0; empty < 2; ) {
        const { result } = await iterator.readNext();
        if (result.length === 0) empty += 1;
        else await project(result, new Date());
      }
    },
  };
}

async function countOf(control: string): Promise<number> {
  const response = await fetch(control, { headers: CONTROL_HEADERS });
  const counts = (await response.json()) as Record<string, Record<string, number>>;
  return Object.values(counts)
    .flatMap((operations) => Object.values(operations))
    .reduce((sum, count) => sum + count, 0);
}

function depsOf(endpoint: string): ServiceDeps {
  const settings = readSettings({
    COSMOS: `AccountEndpoint=${endpoint};AccountKey=${EMULATOR_KEY};`,
    EVENTHUBS: 'none',
    AzureWebJobsStorage: 'none',
    IDENTITY_ISSUER: 'http://none',
    API_AUDIENCE: 'none',
    PUBLIC_ORIGIN: 'http://none',
  });
  const deps = { settings, now: () => new Date(), log: createLog({ name: 'bench', level: 'silent' }) };
  return deps as unknown as ServiceDeps;
}

function taskOf() {
  const { south, north, west, east } = SERVICE_AREA.bounds;
  const place = () => ({
    latitude: south + (north - south) * (0.2 + 0.6 * Math.random()),
    longitude: west + (east - west) * (0.2 + 0.6 * Math.random()),
    altitude: 0,
  });
  const parcel = { weight: 1, size: 'Small' as const, expedited: false, exclude: [] };
  return { owner: OWNER, generation: 1, pickup: place(), dropoff: place(), ...parcel };
}
