/** Stores proofs of delivery in Blob storage. */
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { blobServiceUri } from '../../shared/config/blob-service.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';

export interface ProofStore {
  /** Stores the content; the first content of a name stays. @throws AppError `dependency_unavailable` */
  keep(name: string, bytes: Buffer, contentType: string): Promise<void>;
  /** Undefined when there is none. @throws AppError `dependency_unavailable` */
  read(name: string): Promise<Buffer | undefined>;
}

/** A person is waiting: an outage is reported soon, and the client repeats its request. */
const QUICK_RETRIES = {
  retryOptions: { maxTries: 2, tryTimeoutInMs: 5_000, retryDelayInMs: 100, maxRetryDelayInMs: 200 },
};

export function createProofStore(deps: ServiceDeps): ProofStore {
  let opened: Promise<ContainerClient> | undefined;
  const container = () => {
    opened ??= open(deps).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    keep: async (name, bytes, contentType) => {
      try {
        await (await container()).getBlockBlobClient(name).uploadData(bytes, {
          blobHTTPHeaders: { blobContentType: contentType },
          conditions: { ifNoneMatch: '*' },
        });
      } catch (error) {
        if (statusOf(error) !== 409)
          throw unavailable('the proof cannot be stored right now; try again', error);
      }
    },
    read: async (name) => {
      try {
        return await (await container()).getBlobClient(name).downloadToBuffer();
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw unavailable('the proof cannot be read right now; try again', error);
      }
    },
  };
}

/** In Azure, bicep/ creates the container; on one machine, the first proof does. */
async function open(deps: ServiceDeps): Promise<ContainerClient> {
  const {
    AzureWebJobsStorage: connection,
    AzureWebJobsStorage__accountName: accountName,
    AzureWebJobsStorage__blobServiceUri: uri,
  } = deps.settings;
  const service = connection
    ? BlobServiceClient.fromConnectionString(connection, QUICK_RETRIES)
    : new BlobServiceClient(
        blobServiceUri({ blobServiceUri: uri, accountName }),
        deps.credential(),
        QUICK_RETRIES,
      );
  const container = service.getContainerClient('proofs');
  if (connection || uri) await container.createIfNotExists();
  return container;
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

function unavailable(detail: string, cause: unknown): AppError {
  return new AppError('dependency_unavailable', detail, { cause, retryAfterSeconds: 2 });
}
