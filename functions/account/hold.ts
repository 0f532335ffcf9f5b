/** Holds quota while a delivery is under way, then releases or settles it. Each call may arrive twice, or late. */
import type { holdQuota, releaseQuota } from '../../shared/contracts/accounts.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { checkMayShip, checkOwn, endOfHold } from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { HoldDocument } from './schemas.ts';

export function createHold(repository: AccountRepository, deps: ServiceDeps): Handler<typeof holdQuota> {
  return ({ params: { accountId, deliveryId }, body }, call) =>
    withOptimisticRetry(async () => {
      const { userId } = body;
      const mark = callMark(call, body);
      checkOwn(call.principal, accountId);
      const [account, user, known] = await Promise.all([
        repository.account(accountId),
        repository.user(accountId, userId),
        repository.hold(accountId, deliveryId),
      ]);
      isRepetition(known?.item.call, mark);
      if (known?.item.status === 'Held') return { status: 200, body: { held: account?.item.held ?? 0 } };
      if (known) throw new AppError('stale', `this hold has ended: ${known.item.status}`);
      checkMayShip(account?.item, user?.item);
      const at = deps.now().toISOString();
      await repository.createHold({
        ...holdOf(accountId, deliveryId, at),
        status: 'Held',
        userId,
        ...marked(mark),
      });
      return { status: 201, body: { held: (account?.item.held ?? 0) + 1 } };
    });
}

export function createRelease(
  repository: AccountRepository,
  deps: ServiceDeps,
): Handler<typeof releaseQuota> {
  return ({ params: { accountId, deliveryId }, query }, call) =>
    withOptimisticRetry(async () => {
      checkOwn(call.principal, accountId);
      const at = deps.now().toISOString();
      const known = await repository.hold(accountId, deliveryId);
      if (known) {
        const ended = endOfHold(known.item, query.settled === 'true', at);
        if (ended) await repository.endHold(ended, known.etag);
      } else if (await repository.account(accountId)) {
        const never = holdOf(accountId, deliveryId, at);
        await repository.createEnded({ ...never, status: 'Released', endedAt: at });
      }
      return { status: 204 };
    });
}

function holdOf(accountId: string, deliveryId: string, at: string): Omit<HoldDocument, 'status'> {
  return { id: `hold-${deliveryId}`, type: 'hold', accountId, deliveryId, at };
}
