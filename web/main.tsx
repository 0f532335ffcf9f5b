/** The live page: ask for a delivery, follow it; operators see the fleet. */
import { render } from 'preact';
import { App } from './app/app.tsx';
import { createPage } from './app/page.ts';
import { loadCity } from './map/city.ts';
import { loadConfig } from './session/config.ts';
import { resumeSession } from './session/session.ts';

const root = document.getElementById('app') as HTMLElement;
try {
  const [config, city] = await Promise.all([loadConfig(), loadCity()]);
  const page = createPage(config, city, await resumeSession(config));
  root.replaceChildren();
  render(<App page={page} />, root);
} catch (error) {
  root.textContent = `The page cannot be shown: ${(error as Error).message}. Please load it again in a moment.`;
}
