/** The list of requests (D11). Who may call it: tests/security/matrix-table.ts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Principal } from '../../shared/auth/principal.ts';
import * as contract from '../../shared/contracts/requests.ts';
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { admin, customer, type Harness, startHarness } from '../../tests/harness/service.ts';
import { ingestionService } from './ingestion.functions.ts';

const { south, west, north, east } = SERVICE_AREA.bounds;
const at = (down: number, along: number) => ({
  latitude: north - (north - south) * down,
  longitude: west + (east - west) * along,
});

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({ containers: ['requests'] });
  harness.add('ingestion', ingestionService);
  harness.answer(getWorkflow, () => Promise.reject(new AppError('not_found', 'there is no such workflow')));
});
afterAll(() => harness[Symbol.asyncDispose]());

const submit = async (as: Principal): Promise<string> => {
  const body = {
    ownerId: as.accountId,
    pickupLocation: at(0.4, 0.4),
    dropOffLocation: at(0.7, 0.6),
    packageInfo: { size: 'Small', weight: 1.5 },
  };
  return String((await harness.request(contract.submitRequest, { as, body })).body?.['deliveryId']);
};
const list = async (as: Principal, query: Record<string, string> = {}) => {
  const { body } = await harness.request(contract.listRequests, { as, query });
  return body as { requests: { deliveryId: string }[]; continuation?: string };
};
const ids = async (as: Principal) => (await list(as)).requests.map(({ deliveryId }) => deliveryId);

describe('a list of requests', () => {
  test('has one’s own, newest first; an administrator’s has the account’s; another account’s are in neither', async () => {
    const [ann, ben, eve] = [customer('first', 'ann'), customer('first', 'ben'), customer('second', 'eve')];
    const mine = await submit(ann);
    harness.clock.advance(1);
    const his = await submit(ben);
    harness.clock.advance(1);
    const next = await submit(ann);
    await submit(eve);
    expect(await ids(ann)).toEqual([next, mine]);
    expect(await ids(ben)).toEqual([his]);
    expect(await ids(admin('first'))).toEqual([next, his, mine]);
  });

  test('says of each what its status says', async () => {
    const as = customer('same', 'ann');
    const deliveryId = await submit(as);
    const status = await harness.request(contract.getRequest, { as, params: { deliveryId } });
    expect((await list(as)).requests).toEqual([status.body]);
  });

  test('comes in pages, each request once, also those of one millisecond', async () => {
    const as = customer('pages', 'ann');
    const all = await Promise.all(Array.from({ length: 7 }, () => submit(as)));
    const seen: string[] = [];
    let continuation: string | undefined;
    do {
      const page = await list(as, { limit: '3', ...(continuation ? { continuation } : {}) });
      expect(page.requests.length).toBeLessThanOrEqual(3);
      seen.push(...page.requests.map(({ deliveryId }) => deliveryId));
      ({ continuation } = page);
    } while (continuation);
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(new Set(all));
    const wrong = { as, query: { continuation: "x' OR 1=1" } };
    expect(await harness.request(contract.listRequests, wrong)).toMatchObject({ status: 400 });
  });

  test('leaves out what was answered 503 and is not carried out', async () => {
    const as = customer('abandoned', 'ann');
    harness.broker.away = true;
    await submit(as);
    harness.broker.away = false;
    const deliveryId = await submit(as);
    expect(await ids(as)).toEqual([deliveryId]);
  });

  test('of requests that expire 90 days after their last change', async () => {
    const deliveryId = await submit(customer('ttl', 'ann'));
    const stored = await harness.database
      .store<{ id: string; ttl: number }>('requests')
      .read(deliveryId, 'ttl');
    expect(stored?.item.ttl).toBe(90 * 86_400);
  });
});
