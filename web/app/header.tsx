import { Link } from './link.tsx';
import { usePage } from './page.ts';

export function Header() {
  const { session } = usePage();
  const who = session.person.value;
  return (
    <header class="bar">
      <Link to="/" class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M16 3 25 28 16 23 7 28Z" />
        </svg>
        <span>
          Fabrikam <b>Drone Delivery</b>
        </span>
      </Link>
      <nav aria-label="Account and help">
        <a class="quiet" href="/api-docs">
          API
        </a>
        {who ? (
          <>
            <span class="who" title={who.accountId ?? 'Fabrikam'}>
              <b>{who.name}</b>
              <small>{who.accountId ?? 'operations'}</small>
            </span>
            <button type="button" class="quiet" onClick={() => void session.signOut()}>
              Sign out
            </button>
          </>
        ) : (
          <button type="button" class="primary small" onClick={() => void session.signIn()}>
            Sign in
          </button>
        )}
      </nav>
    </header>
  );
}
