/** The live page: ask for a delivery, follow it; operators see the fleet. */
import { render } from 'preact';
import { App } from './app/app.tsx';
import { createPage } from './app/page.ts';
import { loadCity } from './map/city.ts';
import { createCall } from './server/call.ts';
import { createFollow } from './server/stream.ts';
import { loadConfig } from './session/config.ts';
import { currentToken, forget, resumeSession } from './session/session.ts';

const root = document.getElementById('app') as HTMLElement;
try {
  const [config, city] = await Promise.all([loadConfig(), loadCity()]);
  const start = await resumeSession(config);
  const credentials = { token: () => Promise.resolve(currentToken()), reject: forget };
  const [call, follow] = [createCall(credentials), createFollow(credentials)];
  const page = createPage({ config, city, call, follow }, start);
  root.replaceChildren();
  render(<App page={page} />, root);
} catch (error) {
  root.textContent = `The page cannot be shown: ${(error as Error).message}. Please load it again in a moment.`;
}
