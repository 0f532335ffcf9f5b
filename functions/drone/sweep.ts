/**
 * Writes down what only time changes: a drone that has fallen silent, and a lease that has run out. What depends on the
 * documents alone (the drones by place) then follows by the change feed.
 *
 * W1 Both writes are conditional: a drone that is heard at this moment, and a lease that is renewed, stay as they are.
 * W2 It may run twice at once.
 */
import type { Database } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import { type FleetDrone, isSilent, SILENCE_MS } from './availability.ts';
import type { RegistryDocument, StateDocument } from './schemas.ts';

export interface FleetSweep {
  markSilent(now: Date): Promise<void>;
  /** The drones whose lease had run out, as they are now; those that are silent left aside. */
  freeLapsed(now: Date): Promise<readonly FleetDrone[]>;
}

/** Drones of one round; the next round goes on. */
const AT_ONCE = 200;

export function createFleetSweep(database: Database): FleetSweep {
  const drones = database.store<RegistryDocument | StateDocument>('drones');

  const freed = async (
    { droneId, fence }: Pick<RegistryDocument, 'droneId' | 'fence'>,
    now: Date,
  ): Promise<FleetDrone[]> => {
    const condition = `FROM c WHERE c.fence = ${fence} AND c.hold.until < '${now.toISOString()}'`;
    const registry = await unlessConflict(
      () =>
        drones.patch<RegistryDocument>('registry', droneId, [{ op: 'set', path: '/hold', value: null }], {
          condition,
        }),
      'changed',
    );
    const state = registry && (await drones.read<StateDocument>('state', droneId))?.item;
    return registry && state && !isSilent(state, now) ? [{ registry: registry.item, state }] : [];
  };

  return {
    markSilent: async (now) => {
      const before = new Date(now.getTime() - SILENCE_MS).toISOString();
      const sql = `SELECT c.droneId, c.time FROM c
        WHERE c.type = 'state' AND c.time < @before AND NOT IS_DEFINED(c.silentSince)`;
      const { items } = await drones.query<Pick<StateDocument, 'droneId' | 'time'>>(
        sql,
        { before },
        { limit: AT_ONCE },
      );
      await Promise.all(
        items.map(({ droneId, time }) =>
          unlessConflict(() =>
            drones.patch('state', droneId, [{ op: 'set', path: '/silentSince', value: time }], {
              condition: `FROM c WHERE c.time = '${time}'`,
            }),
          ),
        ),
      );
    },
    freeLapsed: async (now) => {
      const sql = "SELECT c.droneId, c.fence FROM c WHERE c.type = 'registry' AND c.hold.until < @now";
      const { items } = await drones.query<Pick<RegistryDocument, 'droneId' | 'fence'>>(
        sql,
        { now: now.toISOString() },
        { limit: AT_ONCE },
      );
      return (await Promise.all(items.map((item) => freed(item, now)))).flat();
    },
  };
}
