import { useEffect, useState } from 'preact/hooks';
import { confirmDelivery, getDelivery } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';
import type { Following } from './following.ts';
import { type ProofKind, proofOf } from './proof-file.ts';
import { placeOfProof } from './proof-place.ts';

const WORDS: Readonly<Record<ProofKind, { readonly label: string; readonly accept: string }>> = {
  Picture: { label: 'Take a picture of the parcel', accept: 'image/*' },
  Voice: { label: 'Add a voice recording', accept: 'audio/*' },
  FingerPrint: { label: 'Add the file of the fingerprint', accept: '*/*' },
};

/** Takes the proof of delivery, if the request asked for one, once the parcel is at the dropoff. */
export function Proof({ following }: { following: Following }) {
  const { call } = usePage();
  const { status, stage, legs, latest, dropoff, hasEnded, deliveryId } = following.state.value;
  const [message, setMessage] = useState<string | undefined>(undefined);
  const [isGiven, setGiven] = useState(false);
  /** The delivery's own dropoff: the request's may have been changed since. */
  const [place, setPlace] = useState(dropoff);
  const kind = status?.request.confirmationRequired;
  const isAsked =
    kind !== undefined &&
    kind !== 'None' &&
    !hasEnded &&
    stage === 'HeadedToDropoff' &&
    dropoff !== undefined;
  const isThere = status?.step === 'checkProof' || legs.AtDropoff !== undefined || legs.ToBase !== undefined;
  useEffect(() => {
    if (!isAsked || !isThere) return;
    call(getDelivery, { params: { deliveryId } }).then(
      (delivery) => {
        setGiven(delivery.confirmed);
        setPlace(delivery.dropoff);
      },
      () => undefined,
    );
  }, [isAsked, isThere]);
  // The delivery may end at the moment when its proof arrives: the thanks stay.
  if (isGiven) {
    return (
      <p class="notice" role="status">
        Thank you: the proof is stored with the delivery.
      </p>
    );
  }
  if (!isAsked) return null;
  if (!isThere) return <p class="notice">This delivery needs your confirmation when it arrives.</p>;

  const give = async (file: File) => {
    setMessage(undefined);
    try {
      const confirmationBlob = await proofOf(kind, file);
      const geoCoordinates = await placeOfProof(
        navigator.geolocation,
        latest?.position.leg === 'AtDropoff' ? latest.position.position : (place ?? dropoff),
      );
      const body = { geoCoordinates, confirmationType: kind, confirmationBlob };
      await call(confirmDelivery, { params: { deliveryId }, body });
      setGiven(true);
    } catch (thrown) {
      setMessage(thrown instanceof RangeError ? thrown.message : asProblem(thrown).message);
    }
  };
  const { label, accept } = WORDS[kind];
  return (
    <section class="notice proof" aria-label="Proof of delivery">
      <p>Your parcel is there. Please confirm it.</p>
      <label class="button file">
        {label}
        <input
          type="file"
          accept={accept}
          capture="environment"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void give(file);
          }}
        />
      </label>
      {message && (
        <p class="note error" role="alert">
          {message}
        </p>
      )}
    </section>
  );
}
