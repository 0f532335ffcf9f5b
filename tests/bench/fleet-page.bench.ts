/**
 * Frames per second of the fleet page, and the time from a click on a filter to the list that it changes, with a synthetic
 * stream of 12, 200 and 2,000 drones. `node tests/bench/fleet-page.bench.ts`; headless Chromium, so without a GPU.
 */
import type { Page } from 'playwright-core';
import { launchBrowser } from '../harness/browser.ts';
import { DESKTOP, openPages } from '../harness/pages.ts';
import { startPlatform } from '../harness/platform.ts';
import { startSyntheticFleet } from '../harness/synthetic-fleet.ts';

const SIZES = [12, 200, 2_000];
const SECONDS = 10;
const CLICKS = 7;

await using platform = await startPlatform({ drones: 1 });
const browser = await launchBrowser();
const pages = openPages(browser, platform.endpoints.gateway);
for (const size of SIZES) {
  await using fleet = await startSyntheticFleet(size);
  const page = await pages.open(DESKTOP);
  await page.route('**/fleet?*', (route) => route.continue({ url: `${fleet.origin}/fleet` }));
  await pages.signIn(page, 'Olivia');
  await page.getByRole('button', { name: `${size} All` }).waitFor();
  const { fps, longest } = await frames(page);
  const clicks: number[] = [];
  for (let click = 0; click < CLICKS; click += 1) clicks.push(await answer(page, click % 2 === 0 ? 1 : 0));
  const elements = await page.evaluate(() => document.querySelectorAll('*').length);
  const median = clicks.toSorted((a, b) => a - b)[Math.floor(CLICKS / 2)] as number;
  process.stdout.write(
    `${size} drones: ${fps.toFixed(1)} fps, longest frame ${longest.toFixed(0)} ms, click ${median.toFixed(0)} ms, ${elements} elements\n`,
  );
  await page.context().close();
}
await browser.close();

function frames(page: Page): Promise<{ fps: number; longest: number }> {
  return page.evaluate(
    (ms) =>
      new Promise((resolve) => {
        const times: number[] = [];
        const step = (time: number) => {
          times.push(time);
          const begin = times[0] as number;
          if (time - begin < ms) return requestAnimationFrame(step);
          const gaps = times.slice(1).map((each, index) => each - (times[index] as number));
          resolve({ fps: (gaps.length / (time - begin)) * 1_000, longest: Math.max(...gaps) });
        };
        requestAnimationFrame(step);
      }),
    SECONDS * 1_000,
  );
}

/** Milliseconds from a click on a filter until the page has painted it as pressed. */
function answer(page: Page, filter: number): Promise<number> {
  return page.evaluate(
    (index) =>
      new Promise<number>((resolve) => {
        const button = document.querySelectorAll<HTMLButtonElement>('.filters button')[index];
        const begin = performance.now();
        button?.click();
        const look = () => {
          if (button?.getAttribute('aria-pressed') !== 'true') return requestAnimationFrame(look);
          requestAnimationFrame(() => resolve(performance.now() - begin));
        };
        requestAnimationFrame(look);
      }),
    filter,
  );
}
