/** Proof of delivery: kept in Blob storage, checked against what the customer asked for, told to the workflow. */
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { confirmDelivery } from '../../shared/contracts/deliveries.ts';
import { putInboxEvent } from '../../shared/contracts/workflows.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';

const STAGES_WITH_PROOF: ReadonlySet<string> = new Set(['HeadedToDropoff', 'Completed']);

export function createConfirm(
  repository: DeliveryRepository,
  deps: ServiceDeps,
): Handler<typeof confirmDelivery> {
  const proofs = lazyContainer(deps);
  return async ({ params, body }, call) => {
    const { deliveryId } = params;
    const { item, etag } = await ownDelivery(repository, deliveryId, call);
    if (!STAGES_WITH_PROOF.has(item.stage)) {
      throw new AppError('conflict', `a delivery that is ${item.stage} has nothing to confirm`);
    }
    const { confirmationRequired: wanted } = item;
    if (wanted !== 'None' && body.confirmationType !== wanted) {
      throw invalid([{ path: 'body.confirmationType', message: `${wanted} was asked for` }]);
    }
    if (wanted !== 'None' && !body.confirmationBlob) {
      throw invalid([{ path: 'body.confirmationBlob', message: `the ${wanted} itself is needed` }]);
    }
    if (body.confirmationBlob)
      await keep(await proofs(), deliveryId, body.confirmationBlob, body.confirmationType);
    if (!item.confirmed)
      await repository.save({ ...item, confirmed: true, updatedAt: deps.now().toISOString() }, etag);
    await deps.call(putInboxEvent, {
      params: { deliveryId, eventId: `${deliveryId}-confirmed` },
      body: { kind: 'Confirmed', at: deps.now().toISOString() },
    });
    return { status: 200, body: { confirmed: true } };
  };
}

async function keep(
  container: ContainerClient,
  deliveryId: string,
  base64: string,
  type: string,
): Promise<void> {
  const bytes = Buffer.from(base64, 'base64');
  const blob = container.getBlockBlobClient(`${deliveryId}/${type.toLowerCase()}`);
  try {
    await blob.uploadData(bytes, { metadata: { confirmationtype: type } });
  } catch (error) {
    throw new AppError('dependency_unavailable', 'the proof cannot be kept right now', {
      cause: error,
      retryAfterSeconds: 2,
    });
  }
}

/** The container is made by bicep/ in Azure; on one machine by the first proof. */
function lazyContainer(deps: ServiceDeps): () => Promise<ContainerClient> {
  let made: Promise<ContainerClient> | undefined;
  const make = async () => {
    const { AzureWebJobsStorage: connection, AzureWebJobsStorage__accountName: account } = deps.settings;
    const service = connection
      ? BlobServiceClient.fromConnectionString(connection)
      : new BlobServiceClient(`https://${account}.blob.core.windows.net`, deps.credential());
    const container = service.getContainerClient('proofs');
    if (connection) await container.createIfNotExists();
    return container;
  };
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw new AppError('dependency_unavailable', 'the proof cannot be kept right now', {
        cause: error,
        retryAfterSeconds: 2,
      });
    });
    return made;
  };
}
