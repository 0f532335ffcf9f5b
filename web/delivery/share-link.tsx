import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { listShareLinks as contract } from '../../shared/contracts/deliveries.ts';
import { createShareLink, listShareLinks, revokeShareLink } from '../../shared/contracts/routes.gen.ts';
import { usePage } from '../app/page.ts';
import { asProblem } from '../server/problem.ts';
import { clock } from './eta.ts';

type Links = z.output<(typeof contract)['responses'][200]>['links'];

/** Creates, lists and revokes links that show this delivery, and nothing else, to anyone who has them. */
export function ShareLink({ deliveryId }: { deliveryId: string }) {
  const { call } = usePage();
  const [links, setLinks] = useState<Links>([]);
  const [made, setMade] = useState<{ readonly linkId: string; readonly url: string } | undefined>(undefined);
  const [message, setMessage] = useState('');
  const params = { deliveryId };

  const attempt = (work: () => Promise<void>) => {
    work().catch((thrown: unknown) => setMessage(asProblem(thrown).message));
  };
  const read = async () => setLinks((await call(listShareLinks, { params })).links);
  useEffect(() => attempt(read), [deliveryId]);

  const share = async () => {
    const link = made ?? (await call(createShareLink, { params, body: {} }));
    setMade(link);
    const promise = 'Anyone with this link can follow the delivery.';
    await navigator.clipboard.writeText(link.url).then(
      () => setMessage(`Copied. ${promise}`),
      () => setMessage(promise),
    );
    await read();
  };
  const revoke = async (linkId: string) => {
    await call(revokeShareLink, { params: { deliveryId, linkId } });
    if (made?.linkId === linkId) setMade(undefined);
    setMessage('That link no longer works.');
    await read();
  };

  return (
    <>
      <button type="button" onClick={() => attempt(share)}>
        {made ? 'Copy the link again' : 'Share a link'}
      </button>
      <div class="share-result" aria-live="polite">
        {made && (
          <input
            readOnly
            value={made.url}
            aria-label="Link to this delivery"
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
        {message && <p class="note">{message}</p>}
      </div>
      {links.length > 0 && (
        <ul class="links" aria-label="Links to this delivery">
          {links.map(({ linkId, createdAt, expiresAt }) => (
            <li key={linkId} class="between">
              <span>
                Created at {clock(Date.parse(createdAt), false)}, expires at{' '}
                {clock(Date.parse(expiresAt), false)}
              </span>
              <button type="button" onClick={() => attempt(() => revoke(linkId))}>
                Stop
                <span class="hidden"> sharing the link created at {clock(Date.parse(createdAt), true)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
