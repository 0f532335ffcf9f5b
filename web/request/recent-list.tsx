import { useEffect, useState } from 'preact/hooks';
import { getRequest } from '../../shared/contracts/routes.gen.ts';
import { Link } from '../app/link.tsx';
import { usePage } from '../app/page.ts';
import type { Status } from '../delivery/state.ts';
import { placeName } from '../map/city.ts';
import { asProblem } from '../server/problem.ts';
import type { Person } from '../session/person.ts';
import { forgetDelivery, recentDeliveries } from './recent.ts';

const OUTCOMES: Readonly<Record<string, string>> = {
  completed: 'Delivered',
  cancelled: 'Cancelled',
  rejected: 'Not possible',
  returned: 'Came back',
  failed: 'Failed',
};

/** The last deliveries of this person, with their state when the list is shown. */
export function RecentList({ who }: { who: Person }) {
  const { city, call } = usePage();
  const [list, setList] = useState<readonly Status[]>([]);
  useEffect(() => {
    let isGone = false;
    const read = async (deliveryId: string) => {
      try {
        return await call(getRequest, { params: { deliveryId } });
      } catch (thrown) {
        if (asProblem(thrown).status === 404) forgetDelivery(who.id, deliveryId);
        return undefined;
      }
    };
    void Promise.all(recentDeliveries(who.id).map(read)).then((found) => {
      if (!isGone) setList(found.filter((status) => status !== undefined));
    });
    return () => {
      isGone = true;
    };
  }, [who.id]);
  if (list.length === 0) return null;
  return (
    <section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Your deliveries</h2>
      <ul class="rows">
        {list.map(({ deliveryId, request, outcome }) => (
          <li key={deliveryId}>
            <Link to={`/deliveries/${deliveryId}`} class="row">
              <span>
                <b>{placeName(request.dropOffLocation, city.addresses)}</b>
                <small>from {placeName(request.pickupLocation, city.addresses)}</small>
              </span>
              <em class={`tag ${outcome ? (outcome.kind === 'completed' ? 'good' : 'bad') : 'live'}`}>
                {outcome ? OUTCOMES[outcome.kind] : 'Under way'}
              </em>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
