import { useRef, useState } from 'preact/hooks';
import { cancelRequest } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';
import type { Following } from './following.ts';

const ON_BOARD = 'The drone has the parcel, so this delivery can no longer be cancelled.';

/** Asks for confirmation, cancels, and shows the result: the status has the binding answer. Explains when it is too late. */
export function Cancel({ following }: { following: Following }) {
  const { call } = usePage();
  const { state, settle } = following;
  const { deliveryId, status, stage, hasEnded } = state.value;
  const dialog = useRef<HTMLDialogElement>(null);
  const [isAsking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  const isOnBoard = stage === 'HeadedToDropoff' || stage === 'Returning';

  const cancel = async () => {
    dialog.current?.close();
    setAsking(true);
    try {
      await call(cancelRequest, { params: { deliveryId } });
      await settle(
        ({ cancel, outcome }) => outcome !== undefined || (cancel !== undefined && cancel !== 'requested'),
      );
    } catch (thrown) {
      const problem = asProblem(thrown);
      setRefusal(problem.code === 'package_on_board' ? ON_BOARD : problem.message);
    }
    setAsking(false);
  };

  if (hasEnded) return null;
  if (refusal !== undefined || status?.cancel === 'cancelRefused') {
    return (
      <p class="notice warn" role="status">
        <b>Not cancelled.</b> {refusal ?? ON_BOARD}
      </p>
    );
  }
  if (isOnBoard) return <p class="note">{ON_BOARD}</p>;
  return (
    <>
      <button type="button" class="danger" disabled={isAsking} onClick={() => dialog.current?.showModal()}>
        {isAsking || status?.cancel === 'requested' ? 'Cancelling…' : 'Cancel delivery'}
      </button>
      <dialog ref={dialog} aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel this delivery?</h2>
        <p>
          The drone turns round and nothing is charged. Once it has your parcel, it can no longer be called
          back.
        </p>
        <div class="two">
          <button type="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
          <button type="button" class="danger solid" onClick={() => void cancel()}>
            Cancel it
          </button>
        </div>
      </dialog>
    </>
  );
}
