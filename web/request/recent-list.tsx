import { useEffect, useState } from 'preact/hooks';
import { listRequests } from '../../shared/contracts/routes.gen.ts';
import { Link } from '../app/link.tsx';
import { usePage } from '../app/page.ts';
import type { Status } from '../delivery/state.ts';
import { placeName } from '../map/city.ts';
import type { Person } from '../session/person.ts';

const OUTCOMES: Readonly<Record<string, string>> = {
  completed: 'Delivered',
  cancelled: 'Cancelled',
  rejected: 'Not possible',
  returned: 'Came back',
  failed: 'Failed',
};

const PAGE_SIZE = 8;

/** The deliveries of this person, wherever they were asked for, with their state when the list is shown. */
export function RecentList({ who }: { who: Person }) {
  const { city, call } = usePage();
  const [list, setList] = useState<readonly Status[]>([]);
  const [continuation, setContinuation] = useState<string | undefined>(undefined);
  const read = async (after?: string) => {
    const query = { limit: PAGE_SIZE, ...(after === undefined ? {} : { continuation: after }) };
    const page = await call(listRequests, { query });
    setList((shown) => [...(after === undefined ? [] : shown), ...page.requests]);
    setContinuation(page.continuation);
  };
  // The form works without the list, so a failure shows none.
  useEffect(() => void read().catch(() => undefined), [who.id]);
  if (list.length === 0) return null;
  return (
    <section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Your deliveries</h2>
      <ul class="rows">
        {list.map(({ deliveryId, acceptedAt, request, outcome }) => (
          <li key={deliveryId}>
            <Link to={`/deliveries/${deliveryId}`} class="row">
              <span>
                <b>{placeName(request.dropOffLocation, city.addresses)}</b>
                <small>
                  from {placeName(request.pickupLocation, city.addresses)},{' '}
                  <time dateTime={acceptedAt}>{dayAndTime(acceptedAt)}</time>
                </small>
              </span>
              <em class={`tag ${outcome ? (outcome.kind === 'completed' ? 'good' : 'bad') : 'live'}`}>
                {outcome ? OUTCOMES[outcome.kind] : 'Under way'}
              </em>
            </Link>
          </li>
        ))}
      </ul>
      {continuation !== undefined && (
        <button type="button" onClick={() => void read(continuation).catch(() => undefined)}>
          Show more
        </button>
      )}
    </section>
  );
}

function dayAndTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
}
