/**
 * Accepts proofs of delivery, and returns them.
 *
 * P1 A proof is accepted after the parcel has arrived, near the dropoff, with a time between pickup and now.
 * P2 The bytes of its content match the type that it claims.
 * P3 The first proof stays, in the document and in storage: neither a repetition nor a later proof changes it.
 */
import type {
  confirmDelivery,
  getConfirmation,
  listConfirmations,
} from '../../shared/contracts/deliveries.ts';
import { getWorkflow, PROOF_STEP, putInboxEvent } from '../../shared/contracts/workflows.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { proofOf } from './proof-check.ts';
import type { ProofStore } from './proof-store.ts';
import { liveState, ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { DeliveryDocument, Proof } from './schemas.ts';

export interface ProofHandlers {
  readonly confirm: Handler<typeof confirmDelivery>;
  readonly list: Handler<typeof listConfirmations>;
  readonly get: Handler<typeof getConfirmation>;
}

export function createProofHandlers(
  repository: DeliveryRepository,
  store: ProofStore,
  deps: ServiceDeps,
): ProofHandlers {
  const save = (deliveryId: string, proof: Proof) =>
    withOptimisticRetry(async () => {
      const found = await repository.find(deliveryId);
      if (!found || found.item.confirmed) return;
      const updatedAt = deps.now().toISOString();
      await repository.save({ ...found.item, confirmed: true, proof, updatedAt }, found.etag);
    });

  return {
    confirm: async ({ params: { deliveryId }, body }, call) => {
      const { item } = await ownDelivery(repository, deliveryId, call);
      if (!item.confirmed) {
        if (!(await hasArrived(item, deps))) {
          throw new AppError('conflict', 'the parcel has not arrived yet: confirm it at the dropoff');
        }
        const pickedUpAt = await pickupTimeOf(item, repository);
        const { proof, bytes } = proofOf(item, body, {
          pickedUpAt,
          now: deps.now(),
          by: call.principal.subject,
        });
        if (proof.blob && bytes) await store.keep(proof.blob, bytes, proof.contentType ?? '');
        await save(deliveryId, proof);
      }
      await deps.call(putInboxEvent, {
        params: { deliveryId, eventId: `${deliveryId}-confirmed` },
        body: { kind: 'Confirmed', at: deps.now().toISOString() },
      });
      return { status: 200, body: { confirmed: true } };
    },

    list: async ({ params }, call) => {
      const { proof } = (await ownDelivery(repository, params.deliveryId, call)).item;
      if (!proof) return { status: 200, body: { confirmations: [] } };
      const { blob: _blob, type: confirmationType, ...rest } = proof;
      return { status: 200, body: { confirmations: [{ ...rest, confirmationType }] } };
    },

    get: async ({ params }, call) => {
      const { proof } = (await ownDelivery(repository, params.deliveryId, call)).item;
      const bytes =
        proof?.blob && proof.proofId === params.proofId ? await store.read(proof.blob) : undefined;
      if (!proof || !bytes) throw new AppError('not_found', 'there is no such proof');
      return { status: 200, body: bytes, headers: headersOf(proof) };
    },
  };
}

/** A browser shows the content as the recognized type only, and runs no script in it. */
function headersOf({ contentType, sha256 }: Proof): Record<string, string> {
  return {
    'content-type': contentType ?? 'application/octet-stream',
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    etag: `"${sha256}"`,
  };
}

/** The workflow waits for the proof, or the drone stands at the dropoff. */
async function hasArrived(item: DeliveryDocument, deps: ServiceDeps): Promise<boolean> {
  if (item.stage === 'Completed') return true;
  if (item.stage !== 'HeadedToDropoff') return false;
  const { deliveryId } = item;
  try {
    const { body } = await deps.call(getWorkflow, { params: { deliveryId }, accountId: item.accountId });
    if (body.step === PROOF_STEP) return true;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  }
  return (await liveState(item, deps))?.leg === 'AtDropoff';
}

async function pickupTimeOf(item: DeliveryDocument, repository: DeliveryRepository): Promise<string> {
  const events = await repository.events(item.deliveryId);
  return events.findLast(({ stage }) => stage === 'HeadedToDropoff')?.at ?? item.createdAt;
}
