/** The steps before anything flies: the quota and the package; and the settlement at the end. */
import { holdQuota, releaseQuota } from '../../shared/contracts/accounts.ts';
import { deletePackage, putPackage } from '../../shared/contracts/packages.ts';
import { accountOf, type DeliveryCall, type DeliverySteps } from './step-call.ts';

export const accountSteps = {
  holdQuota: {
    run: async ({ call, id, state }) => {
      const { accountId, userId } = state.request.owner;
      await call(holdQuota, { params: { accountId, deliveryId: id }, body: { userId }, accountId });
    },
    compensate: (step) => endHold(step, false),
  },
  upsertPackage: {
    run: async ({ call, id, state }) => {
      const { id: packageId, ...parcel } = state.request.package;
      const query = { madeBy: id };
      await call(putPackage, { params: { packageId }, query, body: parcel, accountId: accountOf(state) });
    },
    compensate: async ({ call, id, state }) => {
      const params = { packageId: state.request.package.id };
      await call(deletePackage, { params, query: { madeBy: id }, accountId: accountOf(state) });
    },
  },
  settleQuota: { run: (step) => endHold(step, true) },
} satisfies Pick<DeliverySteps, 'holdQuota' | 'upsertPackage' | 'settleQuota'>;

async function endHold({ call, id, state }: DeliveryCall, settled: boolean): Promise<void> {
  const accountId = accountOf(state);
  const query = { settled: settled ? ('true' as const) : ('false' as const) };
  await call(releaseQuota, { params: { accountId, deliveryId: id }, query, accountId });
}
