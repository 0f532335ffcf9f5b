/** Holds quota while a delivery is under way, then releases or settles it. Each call may arrive twice, or late. */
import type { holdQuota, releaseQuota } from '../../shared/contracts/accounts.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { checkMayShip, checkOwn, isMember } from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { HoldDocument } from './schemas.ts';

export function createHold(repository: AccountRepository, deps: ServiceDeps): Handler<typeof holdQuota> {
  return ({ params: { accountId, deliveryId }, body: { userId } }, call) => {
    checkOwn(call.principal, accountId);
    const mark = callMark(call, { userId });
    const hold = (): HoldDocument => {
      const at = deps.now().toISOString();
      return { ...holdOf(accountId, deliveryId, at), status: 'Held', userId, ...marked(mark) };
    };
    return withOptimisticRetry(async (attempt) => {
      const user = await repository.user(accountId, userId);
      // Nearly every hold is new, and of an account that may ship: the write decides.
      if (attempt === 1 && isMember(user?.item))
        return { status: 201, body: { held: await repository.createHold(hold()) } };
      const [account, known] = await Promise.all([
        repository.account(accountId),
        repository.hold(accountId, deliveryId),
      ]);
      isRepetition(known?.item.call, mark);
      if (known?.item.status === 'Held') return { status: 200, body: { held: account?.item.held ?? 0 } };
      if (known) throw new AppError('stale', `this hold has ended: ${known.item.status}`);
      checkMayShip(account?.item, user?.item);
      return { status: 201, body: { held: await repository.createHold(hold()) } };
    });
  };
}

export function createRelease(
  repository: AccountRepository,
  deps: ServiceDeps,
): Handler<typeof releaseQuota> {
  return ({ params: { accountId, deliveryId }, query }, call) =>
    withOptimisticRetry(async (attempt) => {
      checkOwn(call.principal, accountId);
      const at = deps.now().toISOString();
      const status = query.settled === 'true' ? ('Settled' as const) : ('Released' as const);
      if (attempt === 1) {
        await repository.endHold(accountId, deliveryId, status, at);
        return { status: 204 };
      }
      // It has ended, or there is none.
      if (await repository.hold(accountId, deliveryId)) return { status: 204 };
      if (await repository.account(accountId)) {
        const never = holdOf(accountId, deliveryId, at);
        await repository.createEnded({ ...never, status: 'Released', endedAt: at });
      }
      return { status: 204 };
    });
}

function holdOf(accountId: string, deliveryId: string, at: string): Omit<HoldDocument, 'status'> {
  return { id: `hold-${deliveryId}`, type: 'hold', accountId, deliveryId, at };
}
