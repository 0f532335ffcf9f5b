/** Calls the supervisor over HTTP, with tracking's own identity. */
import type { TokenCredential } from '@azure/identity';
import { recordDeadLetter } from '../shared/contracts/supervisor.ts';
import { AppError } from '../shared/errors.ts';
import { createClient } from '../shared/http/client.ts';
import { overHttp } from '../shared/http/transports.ts';
import type { RecordDeadLetter } from './ports.ts';
import type { TrackingSettings } from './settings.ts';

const TIMEOUT_MS = 4_000;

export function createDeadLetterRecorder(
  settings: Pick<TrackingSettings, 'API_ORIGIN' | 'TRACKING_AUDIENCE'>,
  credential: () => TokenCredential,
): RecordDeadLetter {
  const token = async () => {
    const answer = await credential().getToken(`${settings.TRACKING_AUDIENCE}/.default`);
    if (!answer)
      throw new AppError('dependency_unavailable', 'there is no token for a call to the supervisor');
    return answer.token;
  };
  const call = createClient(overHttp({ origin: settings.API_ORIGIN, token }));
  return async (letter) => {
    await call(recordDeadLetter, { body: letter, timeoutMs: TIMEOUT_MS });
  };
}
