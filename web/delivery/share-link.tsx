import { useState } from 'preact/hooks';
import { createShareLink } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';

/** Makes a link that shows this delivery, and nothing else, to whoever has it. */
export function ShareLink({ deliveryId }: { deliveryId: string }) {
  const { call } = usePage();
  const [url, setUrl] = useState<string | undefined>(undefined);
  const [message, setMessage] = useState('');

  const share = async () => {
    try {
      const link = url ?? (await call(createShareLink, { params: { deliveryId }, body: {} })).url;
      setUrl(link);
      await navigator.clipboard.writeText(link).then(
        () => setMessage('Copied. Whoever has this link can follow the delivery for 24 hours.'),
        () => setMessage('Whoever has this link can follow the delivery for 24 hours.'),
      );
    } catch (thrown) {
      setMessage(asProblem(thrown).message);
    }
  };

  return (
    <>
      <button type="button" onClick={() => void share()}>
        Share a link
      </button>
      <div class="share-result" aria-live="polite">
        {url && (
          <input
            readOnly
            value={url}
            aria-label="Link to this delivery"
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
        {message && <p class="note">{message}</p>}
      </div>
    </>
  );
}
