/** Quota: held while a delivery is under way, then released or settled. Each call may come twice, or late. */
import type { holdQuota, releaseQuota } from '../../shared/contracts/accounts.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { checkMayShip, checkOwn, endOfHold } from './domain.ts';
import type { AccountRepository } from './repository.ts';
import type { HoldDocument } from './schemas.ts';

/** Each lost race means that another call got on. */
const RACE_ATTEMPTS = 20;

export function createHold(repository: AccountRepository, deps: ServiceDeps): Handler<typeof holdQuota> {
  return ({ params: { accountId, deliveryId }, body }, call) =>
    untilSettled(async () => {
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
    untilSettled(async () => {
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

/** The loser of a race looks again: it then finds the winner's hold, or that there is no quota left. */
async function untilSettled<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const race =
        error instanceof AppError && (error.code === 'already_exists' || error.code === 'etag_mismatch');
      if (!race) throw error;
      if (attempt >= RACE_ATTEMPTS) {
        throw new AppError('dependency_unavailable', 'too many changes at one time', {
          cause: error,
          retryAfterSeconds: 1,
        });
      }
    }
  }
}
