import { useEffect } from 'preact/hooks';
import { DeliveryPage } from '../delivery/delivery-page.tsx';
import { FleetPage } from '../fleet/fleet-page.tsx';
import { CityMap } from '../map/city-map.tsx';
import { EMPTY_SCENE } from '../map/scene.ts';
import { RequestPage } from '../request/request-page.tsx';
import { SharePage } from '../share/share-page.tsx';
import { Header } from './header.tsx';
import { Heading } from './heading.tsx';
import { Link } from './link.tsx';
import { type Page, PageContext, usePage } from './page.ts';
import { routeOf } from './route.ts';
import { Welcome } from './welcome.tsx';

export function App({ page }: { page: Page }) {
  const path = page.path.value;
  useEffect(() => {
    page.scene.value = EMPTY_SCENE;
  }, [path, page.session.person.value?.id]);
  return (
    <PageContext.Provider value={page}>
      <Header />
      <main class="layout">
        <section class="panel">
          <Screen key={path} path={path} />
        </section>
        <CityMap />
      </main>
    </PageContext.Provider>
  );
}

function Screen({ path }: { path: string }) {
  const route = routeOf(path);
  const who = usePage().session.person.value;
  if (route.screen === 'share') return <SharePage token={route.token} />;
  if (!who)
    return route.screen === 'delivery' ? <Welcome reason="Sign in to see this delivery." /> : <Welcome />;
  switch (route.screen) {
    case 'home':
      return who.isOperator ? <FleetPage /> : <RequestPage who={who} />;
    case 'delivery':
      return <DeliveryPage deliveryId={route.deliveryId} />;
    case 'unknown':
      return (
        <div class="stack">
          <Heading title="Page not found" />
          <p>There is no page at this address.</p>
          <Link to="/" class="button">
            Back to the start
          </Link>
        </div>
      );
  }
}
