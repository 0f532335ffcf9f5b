/** Proof of delivery: kept in Blob storage, checked against what the customer asked for, told to the workflow. */
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { z } from 'zod';
import { blobServiceUri } from '../../shared/config/blob-service.ts';
import type { confirmDelivery } from '../../shared/contracts/deliveries.ts';
import { putInboxEvent } from '../../shared/contracts/workflows.ts';
import { untilUndisturbed } from '../../shared/cosmos/race.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { DeliveryDocument, Proof } from './schemas.ts';

/** Somebody waits for the answer: storage that is away is told soon, and the client asks again. */
const SOON = {
  retryOptions: { maxTries: 2, tryTimeoutInMs: 5_000, retryDelayInMs: 100, maxRetryDelayInMs: 200 },
};
const STAGES_WITH_PROOF: ReadonlySet<string> = new Set(['HeadedToDropoff', 'Completed']);

export function createConfirm(
  repository: DeliveryRepository,
  deps: ServiceDeps,
): Handler<typeof confirmDelivery> {
  const proofs = lazyContainer(deps);
  return async ({ params, body }, call) => {
    const { deliveryId } = params;
    const { item } = await ownDelivery(repository, deliveryId, call);
    check(item, body);
    const { confirmationType: type, confirmationBlob } = body;
    const blob = `${deliveryId}/${type.toLowerCase()}`;
    if (confirmationBlob && !item.confirmed) await keep(await proofs(), blob, confirmationBlob, type);
    const proof: Proof = {
      type,
      at: timeOf(body.dateTime) ?? deps.now().toISOString(),
      position: body.geoCoordinates,
      by: call.principal.subject,
      ...(confirmationBlob ? { blob } : {}),
    };
    await untilUndisturbed(async () => {
      const { item: current, etag } = await ownDelivery(repository, deliveryId, call);
      if (current.confirmed) return;
      await repository.save(
        { ...current, confirmed: true, proof, updatedAt: deps.now().toISOString() },
        etag,
      );
    });
    await deps.call(putInboxEvent, {
      params: { deliveryId, eventId: `${deliveryId}-confirmed` },
      body: { kind: 'Confirmed', at: deps.now().toISOString() },
    });
    return { status: 200, body: { confirmed: true } };
  };
}

type Confirmation = z.output<(typeof confirmDelivery)['body']>;

function check({ stage, confirmationRequired: wanted }: DeliveryDocument, body: Confirmation): void {
  if (!STAGES_WITH_PROOF.has(stage)) {
    throw new AppError('conflict', `a delivery that is ${stage} has nothing to confirm`);
  }
  if (wanted === 'None') return;
  if (body.confirmationType !== wanted) {
    throw invalid([{ path: 'body.confirmationType', message: `${wanted} was asked for` }]);
  }
  if (!body.confirmationBlob) {
    throw invalid([{ path: 'body.confirmationBlob', message: `the ${wanted} itself is needed` }]);
  }
}

function timeOf(time: Confirmation['dateTime']): string | undefined {
  const text = typeof time === 'string' ? time : time?.dateTimeValue;
  return text && new Date(text).toISOString();
}

/** The first proof stays: a repetition, or somebody who comes later, does not overwrite it. */
async function keep(container: ContainerClient, name: string, base64: string, type: string): Promise<void> {
  try {
    await container.getBlockBlobClient(name).uploadData(Buffer.from(base64, 'base64'), {
      metadata: { confirmationtype: type },
      conditions: { ifNoneMatch: '*' },
    });
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 409) return;
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
    const {
      AzureWebJobsStorage: connection,
      AzureWebJobsStorage__accountName: accountName,
      AzureWebJobsStorage__blobServiceUri: uri,
    } = deps.settings;
    const service = connection
      ? BlobServiceClient.fromConnectionString(connection, SOON)
      : new BlobServiceClient(blobServiceUri({ blobServiceUri: uri, accountName }), deps.credential(), SOON);
    const container = service.getContainerClient('proofs');
    if (connection || uri) await container.createIfNotExists();
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
