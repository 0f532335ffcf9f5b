import { useState } from 'preact/hooks';
import type { z } from 'zod';
import type { createShareLink as contract } from '../../shared/contracts/deliveries.ts';
import { createShareLink, revokeShareLink } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';
import { clock } from './eta.ts';

type Link = z.output<(typeof contract)['responses'][201]>;

/** Makes a link that shows this delivery, and nothing else, to anyone who has it; and revokes it again. */
export function ShareLink({ deliveryId }: { deliveryId: string }) {
  const { call } = usePage();
  const [link, setLink] = useState<Link | undefined>(undefined);
  const [message, setMessage] = useState('');

  const attempt = (work: () => Promise<void>) => {
    work().catch((thrown: unknown) => setMessage(asProblem(thrown).message));
  };
  const share = async () => {
    const made = link ?? (await call(createShareLink, { params: { deliveryId }, body: {} }));
    setLink(made);
    const promise = `Anyone with this link can follow the delivery until ${clock(Date.parse(made.expiresAt), false)} tomorrow.`;
    await navigator.clipboard.writeText(made.url).then(
      () => setMessage(`Copied. ${promise}`),
      () => setMessage(promise),
    );
  };
  const revoke = async ({ linkId }: Link) => {
    await call(revokeShareLink, { params: { deliveryId, linkId } });
    setLink(undefined);
    setMessage('The link shows nothing any more.');
  };

  return (
    <>
      <button type="button" onClick={() => attempt(share)}>
        {link ? 'Copy the link again' : 'Share a link'}
      </button>
      {link && (
        <button type="button" onClick={() => attempt(() => revoke(link))}>
          Stop sharing
        </button>
      )}
      <div class="share-result" aria-live="polite">
        {link && (
          <input
            readOnly
            value={link.url}
            aria-label="Link to this delivery"
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
        {message && <p class="note">{message}</p>}
      </div>
    </>
  );
}
