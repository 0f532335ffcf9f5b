import { useMemo, useState } from 'preact/hooks';
import { type ApiDocument, servicesOf } from './document.ts';
import { RouteView } from './route-view.tsx';

export function ApiPage({ document }: { document: ApiDocument }) {
  const [search, setSearch] = useState('');
  const services = useMemo(() => servicesOf(document, search), [document, search]);
  const count = services.reduce((sum, { routes }) => sum + routes.length, 0);
  return (
    <>
      <header class="bar">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 3 25 28 16 23 7 28Z" />
          </svg>
          <span>
            Fabrikam <b>Drone Delivery</b>
          </span>
        </a>
        <nav aria-label="Pages">
          <a class="quiet" href="/">
            Live page
          </a>
          <a class="quiet" href="/api/openapi.json">
            openapi.json
          </a>
        </nav>
      </header>
      <div class="api">
        <nav class="services" aria-label="Services">
          <ul>
            {services.map(({ name, routes }) => (
              <li key={name}>
                <a href={`#service-${name}`}>
                  {name} <small>{routes.length}</small>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main>
          <h1>API</h1>
          <p class="lead">{document.info.description}</p>
          <p class="lead">
            The issuer gives you a token; on one machine, <code>npm run token -- alice</code> prints one.
            Refusals are <code>application/problem+json</code> with a stable <code>code</code>.
          </p>
          <label class="search">
            <span class="hidden">Search routes</span>
            <input
              type="search"
              placeholder="Search for a path, a word, a role or a method"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </label>
          <p class="count" role="status">
            {count} {count === 1 ? 'route' : 'routes'}
          </p>
          {services.map(({ name, routes }) => (
            <section key={name} id={`service-${name}`} aria-labelledby={`title-${name}`}>
              <h2 id={`title-${name}`}>{name}</h2>
              {routes.map((route) => (
                <RouteView key={route.operation.operationId} route={route} document={document} />
              ))}
            </section>
          ))}
        </main>
      </div>
    </>
  );
}
