/** The live page: customers request a delivery and follow it, operators see the fleet. */
import { render } from 'preact';
import { App } from './app/app.tsx';
import { createPage } from './app/page.ts';
import { routeOf } from './app/route.ts';
import { loadCity } from './map/city.ts';
import { createCall } from './server/call.ts';
import { createFollow } from './server/stream.ts';
import { loadConfig } from './session/config.ts';
import { createSession } from './session/session.ts';

const root = document.getElementById('app') as HTMLElement;
try {
  const [config, city] = await Promise.all([loadConfig(), loadCity()]);
  const session = createSession(config, {
    address: () => new URL(location.href),
    go: (url, silent) => (silent ? location.replace(url) : location.assign(url)),
    tab: sessionStorage,
    shared: localStorage,
    now: Date.now,
  });
  // A share link needs no sign-in.
  const start = await session.resume({ silent: routeOf(location.pathname).screen !== 'share' });
  if (start !== undefined) {
    const page = createPage(
      { config, city, session, call: createCall(session), follow: createFollow(session) },
      start,
    );
    root.replaceChildren();
    render(<App page={page} />, root);
  }
} catch (error) {
  root.textContent = `The page cannot be shown: ${(error as Error).message}. Please load it again in a moment.`;
}
