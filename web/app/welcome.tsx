import { Heading } from './heading.tsx';
import { usePage } from './page.ts';

/** The start page for people who are not signed in. */
export function Welcome({ reason }: { reason?: string }) {
  const { session, city } = usePage();
  const failure = session.failure.value;
  return (
    <div class="welcome">
      <p class="eyebrow">{city.name}</p>
      <Heading title="Across town, by air">Across town, by air, in minutes.</Heading>
      <p class="lead">
        {reason ??
          'A drone picks up your parcel, and you watch it fly: where it is and when it arrives, second by second.'}
      </p>
      {failure && (
        <p class="notice error" role="alert">
          {failure}
        </p>
      )}
      <button type="button" class="primary wide" onClick={() => void session.signIn()}>
        Sign in
      </button>
      <ul class="facts">
        <li>
          <b>Up to 5 kg</b> by drone; heavier parcels go by courier
        </li>
        <li>
          <b>An honest ETA</b> with its range, from the drone’s own flight
        </li>
        <li>
          <b>Cancel</b> until the drone has your parcel
        </li>
      </ul>
    </div>
  );
}
