import { afterAll, beforeAll, expect, test } from 'vitest';
import { AcceptedRequest } from '../../shared/contracts/requests.ts';
import { type Harness, startHarness } from '../../tests/harness/service.ts';
import { createWorkflowRepository, type WorkflowRepository } from './repository.ts';

const place = (latitude: number) => ({ latitude, longitude: -122.3, altitude: 0 });
const request = AcceptedRequest.parse({
  deliveryId: 'd1',
  owner: { userId: 'ann', accountId: 'contoso' },
  pickup: place(47.6),
  dropoff: place(47.7),
  expedited: false,
  confirmationRequired: 'None',
  package: { id: 'p', size: 'Small', weight: 1 },
  acceptedAt: '2026-11-23T12:00:00.000Z',
});

let harness: Harness;
let repository: WorkflowRepository;
beforeAll(async () => {
  harness = await startHarness({ containers: ['workflows'] });
  repository = createWorkflowRepository(harness.database, () => harness.clock.now, 90);
});
afterAll(() => harness[Symbol.asyncDispose]());

test('the document of a workflow expires the configured number of days after its end, and not before', async () => {
  const ttl = async () => ((await repository.find('d1')) as { ttl?: number } | undefined)?.ttl;
  await repository.open(request, {});
  expect(await ttl()).toBeUndefined();
  await repository.finish('d1', { kind: 'completed', reasons: [], at: '2026-11-23T12:30:00.000Z' });
  expect(await ttl()).toBe(90 * 86_400);
});
