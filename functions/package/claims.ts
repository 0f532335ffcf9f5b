/** Checks whether the delivery that has claimed a package is still under way. */
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { Client } from '../../shared/http/client.ts';
import type { PackageDocument } from './schemas.ts';

/**
 * Asks the scheduler only about a package that another delivery has claimed.
 * @throws AppError `conflict` while that delivery is under way (P1)
 */
export async function checkFree(
  known: PackageDocument | undefined,
  madeBy: string | undefined,
  call: Client,
): Promise<void> {
  if (!known?.claim || known.claim.deliveryId === madeBy) return;
  const { deliveryId } = known.claim;
  if (await hasEnded(deliveryId, known.accountId, call)) return;
  throw new AppError(
    'conflict',
    `the package belongs to delivery ${deliveryId}, which is under way: wait for its end, or cancel it`,
  );
}

/** A workflow's document is written before its claim, so a missing document means that the workflow ended and was removed. */
async function hasEnded(deliveryId: string, accountId: string, call: Client): Promise<boolean> {
  try {
    const { body } = await call(getWorkflow, { params: { deliveryId }, accountId });
    return body.outcome !== undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return true;
    throw error;
  }
}
